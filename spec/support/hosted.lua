-- Puts the sockets of a script on another loop than luv's, and luv inside that loop
-- as one more descriptor: what was written for luv runs unchanged. With LOOP=poll,
-- cqueues, event or copas, spec/run does this for every spec and the scripts they
-- start.
--   LOOP=poll LUA_INIT='require "spec.support.hosted"' lua5.4 examples/udp_server.lua
local hosts = require "spec.support.hosts"
local inside = require "spec.support.inside"
local uv = require "luv"

local host = hosts[os.getenv "LOOP"]()
local count = 0 -- what is started and keeps the loop alive: not all loops tell
local run, loop_alive, walk = uv.run, uv.loop_alive, uv.walk
local get_type = uv.handle_get_type
local stopped, running = false, false
local loop = setmetatable({}, { __index = host.adapter })
local protect = host.protect or function(callback) return callback end

-- What runs here is the specs', not the host's: coroutines are not its own.
for _, name in ipairs { "running", "suspend", "resume", "spawn" } do
  loop[name] = false
end

-- Makes a handle that says when it is started and stopped; one that calls back `once`
-- is stopped then. make(callback) makes the handle itself.
local function counted(make, once, callback)
  local self, started, referenced = {}, false, true
  local function set(on, ref)
    if started and referenced then count = count - 1 end
    started, referenced = on, ref
    if started and referenced then count = count + 1 end
  end
  local handle, code = make(protect(function(...)
    if once then set(false, referenced) end
    callback(...)
  end))
  if not handle then return nil, code end
  local function method(name, changed)
    self[name] = function(_, ...)
      handle[name](handle, ...)
      set(changed())
    end
  end
  method("start", function() return true, referenced end)
  method("stop", function() return false, referenced end)
  method("close", function() return false, referenced end)
  method("ref", function() return started, true end)
  method("unref", function() return started, false end)
  return self
end

function loop.poll(fd, callback)
  return counted(function(fn) return host.adapter.poll(fd, fn) end, false, callback)
end

function loop.idle(callback) return counted(host.adapter.idle, false, callback) end

function loop.timer(callback) return counted(host.adapter.timer, true, callback) end

inside.luv_module.luv = function() return loop end

local events = loop.poll(uv.backend_fd(), function() run("nowait") end)
events:start(true, false)
events:unref()

-- Tells whether anything keeps either loop going.
local function alive() return count > 0 or loop_alive() end

-- Stands in luv's loop for the sockets: unreferenced timers run beside them.
local anchor = uv.new_async(function() end)
anchor:unref()

-- How many milliseconds a turn may wait, not long: a callback may start a timer of
-- luv's, of which the other loop hears nothing.
local function patience(mode)
  if mode == "nowait" or not alive() then return 0 end
  uv.update_time()
  anchor:ref()
  local own = uv.backend_timeout()
  anchor:unref()
  local most = mode == "once" and 5 or 20
  return own < 0 and most or math.min(own, most)
end

-- Turns luv's loop without waiting, then the other.
local function turn(mode)
  if alive() then anchor:ref() end
  run("nowait")
  anchor:unref()
  host.step(stopped and 0 or patience(mode))
end

-- Ends the process as luv does when a callback raises, unless somebody asked to
-- be told (see spec/support/leftovers.lua).
local function protected_turn(mode)
  local ok, err = xpcall(turn, function(err)
    return debug.traceback(tostring(err), 2)
  end, mode)
  if ok then return end
  if uv.uncaught then return uv.uncaught(err) end
  io.stderr:write("Uncaught Error: ", err, "\n")
  os.exit(255)
end

uv.loop_alive = alive

function uv.stop()
  stopped = true
  if host.adapter.stop then host.adapter.stop() end
end

function uv.run(mode)
  if running and not host.nests then return nil, "loop already running" end
  local outer = running
  stopped, running = false, true
  repeat protected_turn(mode)
  until stopped or not alive() or mode == "once" or mode == "nowait"
  running = outer
  return alive()
end

loop.run, loop.stop = uv.run, uv.stop

-- A socket's handle, as luv's walk would show it.
local Handle = {}
Handle.__index = Handle

function Handle.is_active() return true end

function Handle.is_closing() return false end

function Handle:unref() self.poll:unref() end

function Handle:close() self.poll:close() end

function uv.walk(fn)
  walk(fn)
  for socket in pairs(inside.sockets(loop)) do
    fn(setmetatable({ poll = inside.poll(socket) }, Handle))
  end
end

function uv.handle_get_type(handle)
  return getmetatable(handle) == Handle and "poll" or get_type(handle)
end
