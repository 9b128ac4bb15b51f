-- Every system call of the module fails, or is cut short, at every index, in
-- every scenario: each callback comes exactly once and tells the truth, order
-- is kept, the sockets work afterwards, and no descriptor is lost.
-- Run by `make test-faults`, which preloads the shim.
local Case = require "spec.faults.case"
local Child = require "spec.support.child"
local faults = require "faults"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local scenarios = require "spec.faults.scenarios"
local core = require "dgram.core"
local uv = require "luv"

-- What may happen to each call: errors of the system, or the most messages
-- that one call may pass.
local actions = {
  { "bind", "EADDRINUSE", "EACCES", "ENOMEM" },
  { "chmod", "ENOENT", "EPERM" },
  { "close", "EIO", "EINTR" },
  { "connect", "EINTR", "EAGAIN", "ENETUNREACH", "EPERM" },
  { "dup3", "EINTR", "EBUSY" },
  { "epoll_create1", "EMFILE", "ENOMEM" },
  { "epoll_ctl", "ENOSPC", "ENOMEM" },
  { "fchmod", "EPERM" },
  { "fcntl", "EINVAL", "EMFILE" },
  { "flock", "EINTR", "ENOMEM" },
  { "fstat", "ENOMEM" },
  { "getifaddrs", "ENOMEM", "EMFILE" },
  { "getpeername", "ENOTCONN", "ENOBUFS" },
  { "getsockname", "ENOBUFS" },
  { "getsockopt", "ENOPROTOOPT", "ENOMEM" },
  { "if_indextoname", "ENXIO" },
  { "if_nametoindex", "ENODEV" },
  { "ioctl", "EINVAL" },
  { "lstat", "ENOENT", "EACCES" },
  { "open", "EMFILE", "ENFILE", "ENOENT" },
  { "poll", "ENOMEM", "EINTR" },
  { "realpath", "ENOMEM", "EACCES" },
  { "receive", "EAGAIN", "EINTR", "ENOMEM", "ENOBUFS", "ECONNREFUSED", "EIO",
    1, 3 },
  { "recverr", "EAGAIN", "EINTR", "ENOMEM" },
  { "send", "EAGAIN", "EINTR", "ENOBUFS", "ENOMEM", "EPERM", "EIO",
    "EINVAL", "EMSGSIZE", "ECONNREFUSED", "EHOSTUNREACH", 1, 3 },
  { "setsockopt", "ENOPROTOOPT", "ENOMEM", "EPERM" },
  { "socket", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EAFNOSUPPORT" },
  { "socketpair", "EMFILE", "ENFILE", "ENOBUFS" },
  { "unlink", "EPERM" },
}

-- How many calls in a row fail. The first calls fail in all ways; those after
-- them are like them, and fail in one way each, in turn.
local LENGTHS, EARLY = { 1, 2, 5 }, 8

-- A batch has 32 messages, or as many calls without batches: of those behind,
-- only some are failed.
local BATCH, STRIDE = 32, 13

-- The number of the call that is failed after this one.
local function following(index)
  return index < BATCH and index + 1 or index + STRIDE
end

local SPARE = 40 -- blocks the library may keep for later

-- Plays a scenario, to its end unless it is only to be counted. `begin` arms
-- the faults, after what the scenario prepares for itself.
local function play(scenario, begin, prove)
  helper.run(function()
    local case = Case.new()
    faults.clear()
    local prepared = scenario[3] and scenario[3](helper.path)
    faults.clear()
    begin()
    scenario[2](case, helper.path, prepared)
    prove(case)
  end)
end

-- How often each call was made since the faults were cleared.
local function tally()
  local counts = {}
  for _, action in ipairs(actions) do
    counts[action[1]] = faults.count(action[1])
  end
  return counts
end

-- Counts the calls of a scenario in which nothing fails: until its end, and
-- until all is closed.
local function count_calls(scenario, arrange)
  local counts, closed
  play(scenario, arrange, function(case)
    counts = tally()
    case:close()
    closed = tally()
  end)
  return counts, closed
end

-- Faults that make no difference: they are over when the call is made again.
local TRANSIENT = { EINTR = {}, EAGAIN = { send = true, receive = true },
  ENOBUFS = { send = true } }

-- Tells whether a fault may be noticed at all.
local function is_transient(call, action)
  local only = TRANSIENT[action]
  return type(action) == "number" or only and (not next(only) or only[call])
end

-- What the user is told of a fault that has another name for him.
local RENAMED = { EADDRINUSE = true, ERR_INVALID_FD_TYPE = true }

-- Checks that what a scenario was told of is the fault it met, or what it tells of
-- in any case.
local function check_codes(case, anyway, call, action)
  local told = { table.unpack(case.errors) }
  for _, entry in ipairs(case.sent) do
    if entry.err then told[#told + 1] = entry.err.code end
  end
  for _, socket in ipairs(case.sockets) do
    if socket.failed then told[#told + 1] = socket.failed.code end
  end
  local renamed = call ~= "send" and call ~= "receive" and RENAMED
  for _, code in ipairs(told) do
    assert(code == anyway or not is_transient(call, action)
      and (code == action or renamed and renamed[code]), "it was told of " .. code)
  end
end

-- Runs a scenario with one fault; tells which one when that goes wrong. The
-- sockets must work afterwards, or it is their closing that meets the fault.
-- Returns how often it was met.
local function run_with(scenario, arrange, closing, call, index, length, action)
  local number, hits = action, 0
  if type(action) == "string" then number = core.errno(action) end
  local ok, err = pcall(play, scenario, function()
    arrange()
    faults.at(call, index, length, number)
  end, function(case)
    if closing then case:close() end
    hits = faults.hits()
    faults.clear()
    if closing then return end
    check_codes(case, scenario.anyway, call, action)
    case:prove(helper.path)
    case:close()
  end)
  if ok then return hits end
  error(("%s number %d to %d: %s: %s"):format(call, index,
    index + length - 1, action, tostring(err)), 0)
end

-- The ways in which the call of a number fails: { length, action }.
local function ways(action, index)
  if index > EARLY then return { { 1, action[index % (#action - 1) + 2] } } end
  local list = {}
  for _, length in ipairs(LENGTHS) do
    for i = 2, #action do list[#list + 1] = { length, action[i] } end
  end
  return list
end

-- Runs a scenario with each action on the calls from `first` to `last`; no memory
-- is lost, and nearly every fault was met: how many calls read a burst is the
-- kernel's business.
local function torture(scenario, arrange, closing, action, first, last)
  local hits, runs, before = 0, 0, faults.held()
  local index = first
  while index <= last do
    for _, way in ipairs(ways(action, index)) do
      local met = run_with(scenario, arrange, closing, action[1], index, way[1], way[2])
      hits, runs = hits + (met > 0 and 1 or 0), runs + 1
    end
    index = following(index)
  end
  assert.is_true(hits >= runs / 2, ("%d of %d faults were met"):format(hits, runs))
  assert.is_true(faults.held() <= before + SPARE,
    faults.held() - before .. " blocks of memory are left")
end

-- How the calls of a scenario go when no fault is due: a name, the calls that
-- are failed in it (nil: all), and what is done in the beginning.
local manners = {
  { "", nil, function() end },
}
if not os.getenv "PORTABLE" then -- where one call moves many messages
  manners[2] = { ", one message a call", { send = true, receive = true }, function()
    faults.shorten("send", 1)
    faults.shorten("receive", 1)
  end }
end

local made = {} -- calls that some scenario makes

-- Adds the specs of a scenario.
local function describe_scenario(scenario, manner)
  describe(scenario[1] .. manner[1], function()
    local counts, closed = count_calls(scenario, manner[3])
    for _, action in ipairs(actions) do
      local call = action[1]
      local chosen = not manner[2] or manner[2][call]
      made[call] = made[call] or closed[call] > 0
      if chosen and counts[call] > 0 then
        it(("survives a failing %s (%d calls)"):format(call, counts[call]),
          function()
            torture(scenario, manner[3], false, action, 1, counts[call])
          end)
      end
      if chosen and closed[call] > counts[call] then
        it(("is closed although %s fails"):format(call), function()
          torture(scenario, manner[3], true, action, counts[call] + 1,
            closed[call])
        end)
      end
    end
  end)
end

for _, manner in ipairs(manners) do
  for _, scenario in ipairs(scenarios) do describe_scenario(scenario, manner) end
end

-- What the module calls that is no business of the system's, or cannot fail.
-- Those of loading fail in a process of their own, below; epoll_wait, of the poll()
-- loop alone, in completions.lua.
local harmless = { madvise = true, mmap = true, munmap = true }
for name in ([[__cxa_finalize __cmsg_nxthdr __errno_location htons ntohs
  calloc clock_gettime free freeaddrinfo
  freeifaddrs geteuid getpid inet_ntop inet_pton isatty malloc memchr memcmp
  memcpy memmove memset nanosleep realloc snprintf strchr strcmp strcspn strerror strlen
  dladdr dlopen epoll_wait
  strncmp strnlen strrchr strtoul getaddrinfo]]):gmatch("%S+") do
  harmless[name] = true
end
local SPELLED = { sendmmsg = "send", sendmsg = "send", recvmmsg = "receive",
  recvmsg = "receive" }

describe("of the system calls", function()
  it("none is forgotten here", function()
    if os.getenv "DGRAM_COVERAGE" then pending("what counts has calls of its own") end
    local known, count = {}, 0
    for _, action in ipairs(actions) do known[action[1]] = true end
    local module = package.searchpath("dgram.core", package.cpath)
    local pipe = io.popen(("nm -D --undefined-only '%s'"):format(module))
    for symbol in pipe:read("a"):gmatch(" U ([%w_]+)") do
      count = count + 1
      local name = symbol:gsub("64$", "") -- of large files: open64
      assert(known[SPELLED[name] or name] or harmless[name]
        or name:match("^luaL?_"), name .. " never fails")
    end
    pipe:close()
    assert.is_true(count > 20)
  end)

  -- Then the process asks who it is whenever it has to know; a child still does.
  for call, index in pairs { mmap = 1, madvise = 2 } do
    it(call .. " may fail while the module is loaded", function()
      local forker = helper.path ".so"
      if not host.has "cc" then pending("no C compiler (cc)") end
      local text, built = host.output("cc -shared -fPIC -o " .. forker .. " spec/fork/forker.c")
      assert(built, text)
      local child = Child.start("env", ("LUA_INIT=require('faults').at('%s', %d, 1, -12)")
        :format(call, index), uv.exepath(), "spec/fork/inherit.lua", forker, helper.path(), "use")
      assert.equal("send\tERR_SOCKET_FORKED", child:line())
      assert.equal(0, child:wait())
    end)
  end

  for _, action in ipairs(actions) do
    it(action[1] .. " is made by some scenario", function()
      assert.is_true(made[action[1]])
    end)
  end
end)
