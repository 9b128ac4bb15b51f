-- What the specs share: the loop under a deadline, calls that are counted,
-- temporary paths, and the check that no handle and no descriptor is left.
--
--   helper.run(function()
--     local socket = dgram.createSocket("udp4")
--     socket:bind(0, helper.expect(function() socket:close() end))
--   end)
local dgram = require "dgram"
local leftovers = require "spec.support.leftovers"
local uv = require "luv"

local helper = {}
local expected, paths = {}, {}
local failure
local serial, born = 0, uv.hrtime()
local deadline, before = uv.new_timer(), uv.new_prepare()
before:unref()

-- Whether a sanitizer or valgrind watches: all takes longer then, and memory
-- that was freed is kept, to see whether it is used.
helper.sanitized = os.getenv "DGRAM_SANITIZE" ~= nil

-- How many times longer than else one has to wait.
helper.PATIENCE = helper.sanitized and 10 or 1

-- How many luv handles are active, and how many descriptors are open. Handles
-- at rest do not count: the library keeps a few for every Lua state. Not by
-- fs_scandir, which keeps some memory for each call.
local function resources()
  local handles, descriptors = 0, 0
  uv.walk(function(handle)
    if handle:is_active() and not handle:is_closing() then
      handles = handles + 1
    end
  end)
  local dir = uv.fs_opendir("/proc/self/fd", nil, 1000)
  if dir then
    descriptors = #(dir:readdir() or {})
    dir:closedir()
  end
  return handles, descriptors
end

-- Stops what turns the loop.
local function rest()
  before:stop()
  deadline:stop()
end

-- Turns the loop until `done()`; errors after `seconds`, or after a failed call.
-- A timer that is due when a turn begins may be all that was to come: then the
-- loop is asked not to block for what is left, the deadline.
local function turn(done, seconds)
  local late = false
  uv.update_time() -- a deadline counts from now, not from the last turn
  deadline:start(seconds * helper.PATIENCE * 1000, 0, function() late = true end)
  before:start(function()
    local ok, yes = pcall(done)
    if yes or not ok then uv.stop() end
  end)
  local refused
  while not (done() or late or failure or refused) do
    refused = uv.run("once") == nil
  end
  rest()
  if refused then error("this luv runs no loop within the loop", 3) end
  if failure then error(failure, 0) end
  if late then error(("nothing after %g s"):format(seconds), 3) end
end

-- Turns the loop until `condition()` holds; an error after `seconds` (5).
function helper.wait(condition, seconds)
  deadline:ref()
  turn(condition, seconds or 5)
end

-- Whether luv runs a loop within the loop; luv 1.50 and later do not.
local function nests()
  local timer, yes = uv.new_timer(), nil
  timer:start(0, 0, function() yes = uv.run("nowait") ~= nil end)
  helper.wait(function() return yes ~= nil end)
  timer:close()
  return yes
end

-- Makes a spec that turns the loop in a callback pending where luv does not.
function helper.need_nested_runs(pending)
  if not nests() then pending("this luv runs no loop within the loop") end
end

-- Makes a spec pending where the sockets are on another loop than luv's.
function helper.need_luv(pending)
  local loop = os.getenv "LOOP" or "luv"
  if loop ~= "luv" and loop ~= "unnested" then pending("luv's loop is not used") end
end

-- The file and line of the spec that calls a helper.
local function place()
  for where in debug.traceback("", 2):gmatch("[^%s/]+:%d+") do
    if not where:find("^helper.lua") then return where end
  end
end

-- A function that calls `fn`, if given, and must be called `n` times (once)
-- before `run` ends. An error in it fails the spec, not the whole process.
function helper.expect(n, fn)
  if type(n) == "function" then n, fn = 1, n end
  local call = { where = place(), wanted = n or 1, count = 0 }
  expected[#expected + 1] = call
  return function(...)
    call.count = call.count + 1
    if not fn or failure then return end
    local ok, err = pcall(fn, ...)
    if not ok then failure = err or "error" end
  end
end

-- A callback of send that must come once, without an error, and be told `bytes` if
-- these are given.
function helper.sent(bytes)
  return helper.expect(function(err, told)
    if err then error(tostring(err), 0) end
    if bytes and told ~= bytes then error(("told %s, not %d"):format(told, bytes), 0) end
  end)
end

-- Errors unless each expected function was called as often as it had to be.
local function check_calls()
  for _, call in ipairs(expected) do
    if call.count ~= call.wanted then
      error(("%s: called %d times instead of %d"):format(
        call.where, call.count, call.wanted), 0)
    end
  end
end

-- Errors when there is more than there was before the test.
local function check_resources(handles_before, descriptors_before)
  collectgarbage()
  collectgarbage()
  uv.run("nowait")
  local handles, descriptors = resources()
  if handles > handles_before or descriptors > descriptors_before then
    error(("left behind: %d handles, %d descriptors"):format(
      handles - handles_before, descriptors - descriptors_before), 0)
  end
end

-- Forgets the last test, and removes its paths.
local function reset()
  for _, path in ipairs(paths) do os.remove(path) end
  expected, paths, failure = {}, {}, nil
end

-- Calls `body`, then runs the loop until it is empty. Errors when that takes
-- over `seconds` (5), when an expected call is missing or one too many, or when
-- a handle or a descriptor is left.
function helper.run(body, seconds)
  reset()
  local handles, descriptors = resources()
  body()
  deadline:unref()
  turn(function() return not uv.loop_alive() end, seconds or 5)
  check_calls()
  check_resources(handles, descriptors)
  reset()
end

-- A path that nobody else uses (specs in namespaces have the same numbers of
-- processes), with an ending if one is given; what is there after the test is removed.
function helper.path(ending)
  serial = serial + 1
  local name = ("dgram-%d-%x-%d%s"):format(uv.os_getpid(), born, serial, ending or "")
  paths[#paths + 1] = uv.os_tmpdir() .. "/" .. name
  return paths[#paths]
end

-- The error that a call raises; fails the spec when it raises none.
function helper.raised(fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("it raised no error", 2) end
  return err
end

-- Errors unless `err` has every one of these fields.
function helper.has(fields, err)
  if type(err) ~= "table" then error("no error table: " .. tostring(err), 2) end
  for name, value in pairs(fields) do
    if err[name] ~= value then
      error(("%s is %s instead of %s in: %s"):format(name, tostring(err[name]),
        tostring(value), tostring(err)), 2)
    end
  end
end

-- The loopback addresses of UDP, by type.
helper.LOOPBACK = { udp4 = "127.0.0.1", udp6 = "::1" }

-- A socket bound to loopback, or to `where`; what it hears is added to the list
-- that is returned with it, as { msg = msg, from = rinfo }.
function helper.bound(options, where)
  local socket, inbox, listening = dgram.createSocket(options), {}, false
  socket:on("message", function(msg, rinfo)
    inbox[#inbox + 1] = { msg = msg, from = rinfo }
  end)
  socket:bind({ address = where or helper.LOOPBACK[socket.type] or helper.path() },
    function() listening = true end)
  helper.wait(function() return listening end)
  return socket, inbox
end

-- Notes what a socket hears from now on; returns the list of messages.
function helper.listen(socket)
  local heard = {}
  socket:on("message", function(msg) heard[#heard + 1] = msg end)
  return heard
end

-- Closes sockets, or whatever has that method, in this order.
function helper.close(...)
  for _, each in ipairs { ... } do each:close() end
end

-- Closes a socket and waits for 'close'.
function helper.closed(socket)
  local closed = false
  socket:close(function() closed = true end)
  helper.wait(function() return closed end)
end

-- Lets the loop turn for some milliseconds: to see that nothing happens.
function helper.pass(milliseconds)
  local timer, over = uv.new_timer(), false
  uv.update_time() -- they count from now, not from the last turn
  timer:start(milliseconds, 0, function() over = true end)
  helper.wait(function() return over end)
  timer:close()
end

-- The content of a file.
function helper.read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- Writes a file; without a path, one that is removed after the test. Returns the
-- path.
function helper.write(text, path)
  path = path or helper.path()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

-- Waits until a list has `n` entries (1); returns it.
function helper.fill(list, n)
  helper.wait(function() return #list >= (n or 1) end)
  return list
end

-- The messages of an inbox, as a list.
function helper.messages(inbox)
  local list = {}
  for i, each in ipairs(inbox) do list[i] = each.msg end
  return list
end

-- How many descriptors are open.
function helper.descriptors()
  local _, descriptors = resources()
  return descriptors
end

leftovers.tell(function(err) failure = failure or err end)
leftovers.on_failure(rest)
leftovers.on_end(reset)

-- What luv and the library open once and keep must be there before we count:
-- the pipes of signals, the spare descriptor of streams.
uv.new_signal():close()
uv.new_pipe(false):close()
local first = dgram.createSocket("udp4")
first:bind(0, "127.0.0.1", function() first:close() end)
uv.run()

return helper
