-- Puts the sockets of a script on the built-in poll() loop, and luv inside that
-- loop as one more descriptor: what was written for luv runs unchanged. With
-- LOOP=poll, spec/run does this for every spec and the scripts they start.
--   LUA_INIT='require "spec.support.polled"' lua5.4 examples/udp_server.lua
local core = require "dgram.core"
local inside = require "spec.support.inside"
local uv = require "luv"

local loop = inside.poll_loop.new()
local run, loop_alive, walk, poll = uv.run, uv.loop_alive, uv.walk, core.poll
local run_sockets, stop_sockets = loop.run, loop.stop
local get_type = uv.handle_get_type
local stopped = false

inside.luv_module.luv = function() return loop end

local events = loop.poll(uv.backend_fd(), function() run("nowait") end)
events:start(true)

-- Tells whether anything keeps either loop going.
local function alive()
  events:unref()
  local result = loop.alive() or loop_alive()
  events:ref()
  return result
end

-- Returns the shorter of two waits, where -1 is one without end.
local function shorter(a, b)
  if a < 0 or b < 0 then return math.max(a, b) end
  return math.min(a, b)
end

-- Stands in luv's loop for the sockets: unreferenced timers run beside them.
local anchor = uv.new_async(function() end)
anchor:unref()

-- Waits no longer than luv's timers allow; other loops than ours do not care.
function core.poll(descriptors, milliseconds)
  if not descriptors[uv.backend_fd()] then return poll(descriptors, milliseconds) end
  if not alive() then return poll(descriptors, 0) end
  uv.update_time()
  anchor:ref()
  local own = uv.backend_timeout()
  anchor:unref()
  return poll(descriptors, shorter(milliseconds, own))
end

-- Turns luv's loop without waiting, then the other.
local function turn(mode)
  if alive() then anchor:ref() end
  run("nowait")
  anchor:unref()
  run_sockets(mode == "nowait" and mode or "once")
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

-- One turn of luv's may be all that happens: who wants one waits 5 ms at most.
local limit = loop.timer(function() end)

uv.loop_alive = alive

function uv.stop()
  stopped = true
  stop_sockets()
end

function uv.run(mode)
  stopped = false
  repeat
    if mode == "once" then limit:start(5) end
    protected_turn(mode)
    limit:stop()
  until stopped or not alive() or mode == "once" or mode == "nowait"
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
