-- Memory runs out: in every scenario the n-th allocation fails, or the n-th and
-- all later ones, for every n; so do the core's own. Nothing crashes, no callback
-- comes twice, everything can be closed, and no descriptor is left. When only the
-- core lacks memory, whatever was accepted has its callback. Needs the host
-- program and the shim: see `make test-faults`.
local faults = require "faults"
local host = rawget(_G, "host")

-- How names of unix sockets begin here: another process may run the same.
local stat = assert(io.open "/proc/self/stat")
local NAME = "\0dgram-memory-" .. stat:read("*n") .. "-"
stat:close()

local MANY = 1000000
local ENOMEM = -12
local passed, failed = 0, 0

-- ------------------------------------------------------------ the fake loop
-- It allocates nothing while it runs, and goes on after errors, as Neovim does.

local loop = {}

local Handle = {}
Handle.__index = Handle

function Handle:start(a, b) self.active, self.a, self.b = true, a, b end
function Handle:stop() self.active = false end
function Handle:close() self.active, self.closed = false, true end
function Handle:ref() self.weak = false end
function Handle:unref() self.weak = true end

-- Makes a handle of a kind; the loop has it from then on.
local function handle_of(kind, callback, fd)
  local handle = setmetatable({ kind = kind, callback = callback, fd = fd,
    active = false, closed = false, weak = false, a = false, b = false },
    Handle)
  loop[#loop + 1] = handle
  return handle
end

-- Makes the adapter.
local function new_adapter()
  for i = #loop, 1, -1 do loop[i] = nil end
  return {
    poll = function(fd, callback) return handle_of("poll", callback, fd) end,
    idle = function(callback) return handle_of("idle", callback) end,
    timer = function(callback) return handle_of("timer", callback) end,
    lookup = function(_, _, callback) callback("EAI_NONAME") end,
  }
end

-- Calls a handle back if its time has come; returns whether it was.
local function serve(handle)
  if handle.kind == "poll" then
    local readable, writable = host.ready(handle.fd)
    if not (readable and handle.a or writable and handle.b) then return false end
  elseif handle.kind == "timer" then
    handle.active = false
  end
  pcall(handle.callback, nil, "r")
  return true
end

-- Turns the loop until nothing is to be done; an error after too many turns.
local function run(most)
  for _ = 1, most or 2000 do
    local busy = false
    for i = 1, #loop do
      if loop[i] and loop[i].active then busy = serve(loop[i]) or busy end
    end
    if not busy then return end
  end
  if not most then error("the loop never ends", 0) end
end

-- ------------------------------------------------------------- the scenarios

local dgram, case

-- Sends a datagram; what is accepted must be answered once.
local function send(socket, payload, ...)
  local entry = { accepted = false, completions = 0 }
  local function callback() entry.completions = entry.completions + 1 end
  case.sent[#case.sent + 1] = entry
  local arguments = { payload, ... }
  arguments[#arguments + 1] = callback
  socket:send(table.unpack(arguments))
  entry.accepted = true
end

-- Makes a socket that the case closes in the end.
local function socket_of(options)
  options.loop = case.adapter
  local place = #case.sockets + 1
  case.sockets[place] = false
  local socket = dgram.createSocket(options)
  case.sockets[place] = socket
  socket:on("error", function() end)
  return socket
end

local scenarios = {
  { "a burst", function()
    local socket = socket_of { type = "udp4" }
    socket:on("message", function(msg, rinfo) return #msg + rinfo.port end)
    socket:bind(0, "127.0.0.1")
    run(50)
    local port = socket:address().port
    for i = 1, 40 do send(socket, ("x"):rep(i % 3), port, "127.0.0.1") end
    run(50)
    send(socket, { "a", "b" }, port)
    socket:close(function() end)
    run(50)
  end },
  { "sends before the bind", function()
    local server = socket_of { type = "udp6" }
    local port = server:bindSync({ address = "::1" }).port
    local client = socket_of { type = "udp6",
      lookup = function(_, _, answer) answer(nil, "::1") end }
    for _ = 1, 5 do send(client, "hello", port, "name.test") end
    send(client, "hello", port, "::1")
    client:close()
    run(50)
  end },
  { "connected sockets", function()
    local server = socket_of { type = "udp4" }
    local port = server:bindSync({ address = "127.0.0.1" }).port
    local client = socket_of { type = "udp4" }
    client:connect(port, "127.0.0.1", function() end)
    run(50)
    for _ = 1, 5 do send(client, "hello") end
    run(50)
    client:remoteAddress()
    client:disconnect()
  end },
  { "unix sockets", function()
    local name = NAME .. host.descriptors()
    local server = socket_of { type = "unix_dgram" }
    server:on("message", function() end)
    server:bind(name)
    run(50)
    local client = socket_of { type = "unix_dgram" }
    for _ = 1, 3 do send(client, "hello", name) end
    run(50)
  end },
  { "descriptors that travel", function()
    local sockets = case.sockets
    local options = { loop = case.adapter, recvInfo = { "descriptors" } }
    sockets[1], sockets[2] = false, false
    sockets[1], sockets[2] = dgram.socketpair(options)
    local first, second = sockets[1], sockets[2]
    second:on("message", function(_, rinfo)
      for _, each in ipairs(rinfo.descriptors) do each:close() end
    end)
    for _ = 1, 3 do send(first, "hello", { descriptors = { 0, 1 } }) end
    run(50)
  end },
  { "a pair", function()
    local sockets, options = case.sockets, { loop = case.adapter }
    sockets[1], sockets[2] = false, false
    sockets[1], sockets[2] = dgram.socketpair(options)
    local first, second = sockets[1], sockets[2]
    second:on("message", function() end)
    for _ = 1, 3 do send(first, "hello") end
    run(50)
  end },
  { "a peer that does not read", function()
    local name = NAME .. host.descriptors()
    local server = socket_of { type = "unix_dgram" }
    server:bindSync({ path = name })
    server:pause()
    local client = socket_of { type = "unix_dgram", maxQueue = 4000 }
    for _ = 1, 20 do send(client, "hello", name) end
    run(50)
    server:on("message", function() end)
    server:resume()
    run(50)
  end },
  { "names and many", function()
    local answers = case.answers
    local function lookup(_, _, answer) answers[#answers + 1] = answer end
    local socket = socket_of { type = "udp4", lookup = lookup }
    socket:bind(0, "name.test", function() end)
    answers[1](nil, "127.0.0.1")
    run(50)
    local port = socket:address().port
    send(socket, "hello", port, "one.test")
    send(socket, "hello", port, "two.test")
    socket:sendMany({ "a", "b", "c" }, port, "one.test", function() end)
    socket:sendMany({ "a", "b" }, port, "127.0.0.1", function() end)
    for i = 2, 4 do answers[i](i == 3 and "no such name" or nil, "127.0.0.1") end
    run(50)
    socket:connect(port, "one.test", function() end)
    socket:close()
    answers[5](nil, "127.0.0.1")
  end },
  { "options, lists and signals", function()
    local list = dgram.BlockList()
    for i = 1, 20 do list:addAddress("10.0.0." .. i) end
    list:addSubnet("192.168.0.0", 16)
    local controller = dgram.AbortController()
    local socket = socket_of { type = "udp4", receiveBlockList = list,
      sendBlockList = list, signal = controller.signal }
    socket:setTTL(3)
    socket:addMembership("239.7.7.7", "lo")
    socket:setRecvBufferSize(100000)
    socket:bindSync({ address = "127.0.0.1" })
    send(socket, "blocked", 9, "192.168.1.1")
    run(50)
    controller:abort()
    run(50)
  end },
  { "datagrams that fail on their way", function()
    local deaf = socket_of { type = "udp4" } -- it hears itself alone
    local port = deaf:bindSync({ address = "127.0.0.1" }).port
    deaf:connectSync(port, "127.0.0.1")
    local socket = socket_of { type = "udp4", icmp = not os.getenv "PORTABLE" }
    socket:on("icmp", function(err) return err.code .. err.data end)
    for i = 1, 5 do send(socket, ("x"):rep(i), port, "127.0.0.1") end
    run(50)
    send(socket, ("x"):rep(65530), port, "127.0.0.1")
    run(50)
  end },
  { "a close, by a loop whose stack has to grow", function()
    local socket = socket_of { type = "udp4" }
    local port = socket:bindSync({ address = "127.0.0.1" }).port
    for _ = 1, 3 do send(socket, "hello", port, "127.0.0.1") end
    socket:close(function() end)
    for _ = 1, 6 do coroutine.wrap(run)(1) end
  end },
  { "a close that lingers", function()
    local name = NAME .. host.descriptors()
    local server = socket_of { type = "unix_dgram" }
    server:bindSync({ path = name })
    server:pause()
    local client = socket_of { type = "unix_dgram", linger = 1 }
    for _ = 1, 20 do send(client, "hello", name) end
    client:close(function() end)
    run(50)
  end },
  { "coroutines that wait, by a loop whose stack has to grow", function()
    local socket = socket_of { type = "udp4" }
    local port = socket:bindSync({ address = "127.0.0.1" }).port
    for i = 1, 3 do
      dgram.async(function() socket:receive(i) end)()
    end
    send(socket, "hello", port, "127.0.0.1")
    for _ = 1, 6 do coroutine.wrap(run)(1) end
  end },
  { "coroutines that wait for events", function()
    local socket = socket_of { type = "udp4" }
    local port = socket:bindSync({ address = "127.0.0.1" }).port
    function case.after() -- for what there was no memory goes with the next event
      pcall(socket.emit, socket, "message", "late", {})
      for _, event in ipairs { "message", "close" } do
        local count = socket:listenerCount(event)
        assert(count == 0, count .. " listeners of '" .. event .. "' are left")
      end
    end
    for _ = 1, 2 do
      dgram.async(function() dgram.once(socket, "message", { timeout = 1 }) end)()
    end
    dgram.async(function()
      local next_event = dgram.on(socket, "message")
      next_event()
      next_event:close()
    end)()
    send(socket, "hello", port, "127.0.0.1")
    run(50)
  end },
  { "refused datagrams", function()
    local socket = socket_of { type = "udp4" }
    local port = socket:bindSync({ address = "127.0.0.1" }).port
    faults.at("send", 1, 7, -1) -- EPERM
    for _ = 1, 5 do send(socket, "hello", port, "127.0.0.1") end
    run(50)
    faults.at("send", 1, 2, -105) -- ENOBUFS
    for _ = 1, 5 do send(socket, "hello", port, "127.0.0.1") end
    run(50)
  end },
}

-- ------------------------------------------------------------------ the check

-- Closes the sockets of the case and lets the loop end.
local function wind_up()
  for _, answer in ipairs(case.answers) do answer("no such name") end
  run(200) -- a peer that does not read keeps it busy
  for _, socket in ipairs(case.sockets) do
    if socket and not socket._closed then socket:close() end
  end
  run()
end

-- Checks what the case left: callbacks, descriptors. Where Lua itself has no
-- memory, the error that is raised in the loop stands for the callback.
local function check(descriptors, strict)
  for i, entry in ipairs(case.sent) do
    local least = strict and entry.accepted and 1 or 0
    assert(entry.completions >= least and entry.completions <= 1,
      ("callback %d came %d times"):format(i, entry.completions))
  end
  for i, socket in ipairs(case.sockets) do
    assert(not socket or not socket[1]:fileno(), "socket " .. i .. " is open")
  end
  if case.after then case.after() end
  case = nil
  collectgarbage()
  assert(host.descriptors() == descriptors, "a descriptor is left")
end

-- Forgets the library, and with it the memory it keeps for later.
local function unload_library()
  dgram = nil
  for name in pairs(package.loaded) do
    if name:match("^dgram") then package.loaded[name] = nil end
  end
  debug.getregistry()["dgram.core.state"] = nil
  collectgarbage()
end

-- Fails some of the core's own allocations, from the n-th one on.
local function fail_core(n, count)
  unload_library()
  dgram = require "dgram"
  faults.at("malloc", n, count, ENOMEM)
  faults.at("realloc", n, count, ENOMEM)
end

-- How often the core was refused memory.
local function core_failed()
  return faults.hits("malloc") + faults.hits("realloc")
end

-- The ways to run out of memory: a name, how to begin at the n-th allocation,
-- and how many failed.
local shortages = {
  { "one allocation fails", function(n) host.fail(n, 2) end, host.failed },
  { "all later ones fail", function(n) host.fail(n, MANY) end, host.failed },
  { "one of the core's fails", function(n) fail_core(n, 1) end, core_failed,
    strict = true },
  { "all of the core's fail", function(n) fail_core(n, MANY) end, core_failed,
    strict = true },
}

-- Runs a scenario with a shortage from the n-th allocation on; returns
-- whether anything failed.
local function attempt(scenario, shortage, n)
  case = { sockets = {}, sent = {}, answers = {}, adapter = new_adapter() }
  collectgarbage()
  local descriptors = host.descriptors()
  faults.clear()
  shortage[2](n)
  local fine, problem = pcall(scenario[2])
  local hit = shortage[3]() > 0
  if not fine and not hit then error(tostring(problem), 0) end
  host.fail(0)
  faults.clear()
  local ok, err = pcall(function() wind_up() check(descriptors, shortage.strict) end)
  if not ok then error(("number %d: %s"):format(n, err), 0) end
  return hit
end

-- Fails the allocations of a scenario one after the other; returns how many.
local function torture(scenario, shortage)
  local n = 1
  while attempt(scenario, shortage, n) do
    n = n + 1
    assert(n < 100000, "no end of allocations")
  end
  return n - 1
end

-- Loads the library while memory is short, then runs the scenarios.
local function load_library(n)
  unload_library()
  host.fail(n, MANY)
  local ok, result = pcall(require, "dgram")
  local hit = host.failed() > 0
  host.fail(0)
  if ok then dgram = result end
  return hit
end

-- Runs one test and tells how it went.
local function test(name, body)
  local ok, result = pcall(body)
  if ok then passed = passed + 1 else failed = failed + 1 end
  print((ok and "ok      " or "FAILED  ") .. name .. ": " .. tostring(result))
end

test("loading the module", function()
  local n = 1
  while load_library(n) do n = n + 1 end
  assert(dgram, "it was never loaded")
  return n - 1 .. " allocations"
end)

for _, scenario in ipairs(scenarios) do
  test(scenario[1] .. ", nothing fails", function()
    attempt(scenario, { "", function() end, function() return 0 end }, 1)
    return "done"
  end)
  for _, shortage in ipairs(shortages) do
    test(scenario[1] .. ", " .. shortage[1], function()
      return torture(scenario, shortage) .. " allocations"
    end)
  end
end

print(("\n%d passed, %d failed"):format(passed, failed))
if failed > 0 then os.exit(1, true) end
