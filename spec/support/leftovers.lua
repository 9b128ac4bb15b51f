-- What a failed test leaves: errors in callbacks, sockets, handles, processes,
-- changes of what all specs share. It is cleared up, so that one failure is one.
local busted = require "busted"
local dgram = require "dgram"
local inside = require "spec.support.inside"
local uv = require "luv"
require "pl.compat" -- gives Lua 5.1 table.pack, as busted does later

local leftovers = {}
local sockets = setmetatable({}, { __mode = "k" }) -- made in this test
local tidying, ending = {}, {} -- what else to do after a failed test, after every test
local before -- how all was when the test began
local uncaught -- what a callback of this test raised

-- -------------------------------------------------------- errors in callbacks

-- Hands a callback's error to `uv.uncaught`.
local function note(ok, err)
  if not ok then uv.uncaught(err) end
end

-- A function that calls luv with callbacks whose errors are noted: luv itself
-- would end the process, and all later tests with it.
local function shielded(call)
  return function(...)
    local arguments = table.pack(...)
    for i = 1, arguments.n do
      local callback = arguments[i]
      if type(callback) == "function" then
        arguments[i] = function(...) note(pcall(callback, ...)) end
      end
    end
    return call(table.unpack(arguments, 1, arguments.n))
  end
end

-- The methods of handles that take a callback.
local METHODS = { "start", "recv_start", "read_start", "listen", "connect", "send" }

-- Shields a method of every handle that has it.
local function shield_handle(handle)
  local methods = getmetatable(handle).__index
  for _, name in ipairs(METHODS) do
    if methods[name] then methods[name] = shielded(methods[name]) end
  end
  handle:close()
end

-- Shields the callbacks that luv gets from now on, the library's among them.
local function shield()
  local poll = uv.new_udp()
  poll:bind("127.0.0.1", 0)
  shield_handle(assert(uv.new_poll(poll:fileno())))
  poll:close()
  for _, make in ipairs { uv.new_timer, uv.new_idle, uv.new_prepare, uv.new_check,
    uv.new_udp, uv.new_tcp } do shield_handle(make()) end
  shield_handle(uv.new_pipe(false))
  uv.spawn, uv.getaddrinfo = shielded(uv.spawn), shielded(uv.getaddrinfo)
end

--- Has `fail(err)` called with what a callback raises.
function leftovers.tell(fail)
  if not uv.uncaught then shield() end
  uv.uncaught = function(err)
    uncaught = uncaught or err or "an error that is nil"
    fail(uncaught)
  end
end

-- ------------------------------------------------------ what is there, what not

-- The handles that are open, as a set.
local function handles()
  local set = {}
  uv.walk(function(handle)
    if not handle:is_closing() then set[handle] = true end
  end)
  return set
end

-- What specs may change of the process: tables whose functions they replace.
local SHARED = { uv, dgram, require "dgram.core", inside.luv_module, os, io }

-- A copy of a table.
local function copy(of)
  local result = {}
  for key, value in pairs(of) do result[key] = value end
  return result
end

-- Makes a table what its copy is.
local function restore(changed, was)
  for key in pairs(changed) do
    if was[key] == nil then changed[key] = nil end
  end
  for key, value in pairs(was) do
    if changed[key] ~= value then changed[key] = value end
  end
end

-- Notes how all is when a test begins.
local function note_state()
  uncaught = nil
  before = { handles = handles(), directory = uv.cwd(), environment = uv.os_environ(),
    hook = debug.gethook(), tables = {} }
  for i, each in ipairs(SHARED) do before.tables[i] = copy(each) end
  for socket in pairs(sockets) do sockets[socket] = nil end
end

-- Puts environment, directory, hook, collector and functions back.
local function restore_state()
  if not before.hook then debug.sethook() end -- `make coverage` has one
  collectgarbage("restart")
  uv.chdir(before.directory)
  local now = uv.os_environ()
  for name in pairs(now) do
    if before.environment[name] == nil then uv.os_unsetenv(name) end
  end
  for name, value in pairs(before.environment) do
    if now[name] ~= value then uv.os_setenv(name, value) end
  end
  for i, each in ipairs(SHARED) do restore(each, before.tables[i]) end
end

-- Closes the sockets of the test; its listeners hear nothing of it.
local function close_sockets()
  for socket in pairs(sockets) do
    pcall(socket.removeAllListeners, socket)
    pcall(socket.on, socket, "error", function() end)
    inside.stop_lingering(socket)
    pcall(socket.close, socket)
  end
end

-- Calls fn(handle, type) for each open handle that the test has made.
local function each_new(fn)
  for handle in pairs(handles()) do
    if not before.handles[handle] then fn(handle, uv.handle_get_type(handle)) end
  end
end

-- Closes the handles of the test but those of some types.
local function close_handles(spared)
  each_new(function(handle, kind)
    if not spared[kind] then handle:close() end
  end)
end

-- Signals the processes of the test.
local function signal(name)
  each_new(function(handle, kind)
    if kind == "process" and handle:is_active() then handle:kill(name) end
  end)
end

-- Turns the loop until it is empty, but not for long.
local function settle(seconds)
  local last = uv.hrtime() + seconds * 1e9
  while uv.loop_alive() and uv.hrtime() < last do
    uv.run("nowait")
    uv.sleep(1)
  end
end

-- Clears up after a failed test. Processes are asked to end before they are made
-- to: they may have children. Sockets may wait for what never comes.
local function clear_up()
  for _, fn in ipairs(tidying) do fn() end
  restore_state()
  close_sockets()
  close_handles { process = true, poll = true }
  signal("sigterm")
  settle(1)
  signal("sigkill")
  settle(0.2)
  close_handles {}
  settle(5) -- a busy machine takes its time; nothing is left to wait for
end

--- Has a function called, too, when a test has failed.
function leftovers.on_failure(fn)
  tidying[#tidying + 1] = fn
end

--- Has a function called after every test.
function leftovers.on_end(fn)
  ending[#ending + 1] = fn
end

-- ---------------------------------------------------------------- every test

local create = dgram.createSocket

function dgram.createSocket(...)
  local socket = create(...)
  sockets[socket] = true
  return socket
end

local active = true -- until the file ends: the next one has its own

-- Has a function called with busted's arguments while this file runs; never where
-- busted runs nothing, as in `make oracle`.
local function subscribe(channel, fn)
  if not busted.subscribe then return end
  busted.subscribe(channel, function(...)
    if active then fn(...) end
    return nil, true
  end)
end

subscribe({ "test", "start" }, note_state)

subscribe({ "test", "end" }, function(element, parent, status)
  if status ~= "success" then
    clear_up()
  elseif uncaught then -- nobody has waited for anything since
    busted.publish({ "error", "it" }, element, parent, tostring(uncaught), {})
  end
  for _, fn in ipairs(ending) do fn() end
end)

subscribe({ "file", "end" }, function() active = false end)

return leftovers
