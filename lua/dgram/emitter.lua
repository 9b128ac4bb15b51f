-- SPDX-License-Identifier: MIT
-- The EventEmitter of Node's `events` module, for tables that keep it in
-- `_events`. Every change replaces the listener array (copy on write), so an
-- emit walks a snapshot, and a nested emit skips nobody.

local check = require "dgram.check"
local compat = require "dgram.compat"
local errors = require "dgram.errors"

local Emitter = {}

--- Listeners of this event hear an error before 'error' is emitted.
Emitter.errorMonitor = setmetatable({}, {
  __tostring = function() return "events.errorMonitor" end,
})

-- A once-listener is a callable table, so that rawListeners can show both.
local once_mt = {
  __call = function(self, ...)
    if self.fired then return end
    self.fired = true
    self.emitter:removeListener(self.event, self)
    return self.listener(...)
  end,
}

local NONE = {}

local registered = 0 -- grows with every event that gets its first listener

-- Checks the name of an event: anything that can be the key of a table.
local function check_event(event)
  if event == nil or event ~= event then
    check.type_error("event", "a string or another value", event)
  end
end

-- Returns the listeners of an event; never to be changed.
local function listeners_of(self, event)
  return self._events and self._events[event] or NONE
end

-- Installs a new listener array and tells the owner.
local function replace(self, event, list)
  self._events = self._events or {}
  list.at = listeners_of(self, event).at
  if not list.at then
    registered = registered + 1
    list.at = registered
  end
  self._events[event] = list[1] and list or nil
  if self._changed then self:_changed(event, list) end
end

compat.interpret(replace) -- a finalizer may add or remove another

-- Returns the function that was given to on or once.
local function unwrap(listener)
  return type(listener) == "table" and listener.listener or listener
end

-- Adds a listener in front or at the end.
local function add(self, event, listener, given, in_front)
  check_event(event)
  check.listener(given)
  if listeners_of(self, "newListener")[1] then
    self:emit("newListener", event, given)
  end
  local list = {}
  local old = listeners_of(self, event)
  if in_front then list[1] = listener end
  for i = 1, #old do list[#list + 1] = old[i] end
  if not in_front then list[#list + 1] = listener end
  replace(self, event, list)
  return self
end

compat.interpret(add)

-- Wraps a listener so that it is removed before its first call.
local function wrap(self, event, listener)
  check.listener(listener)
  return setmetatable({ emitter = self, event = event, listener = listener },
    once_mt)
end

--- Adds a listener at the end. Returns the emitter.
function Emitter:on(event, listener)
  return add(self, event, listener, listener, false)
end
Emitter.addListener = Emitter.on

--- Adds a listener that is called once at most. Returns the emitter.
function Emitter:once(event, listener)
  return add(self, event, wrap(self, event, listener), listener, false)
end

--- Adds a listener in front of all others. Returns the emitter.
function Emitter:prependListener(event, listener)
  return add(self, event, listener, listener, true)
end

--- Adds a one-time listener in front of all others. Returns the emitter.
function Emitter:prependOnceListener(event, listener)
  return add(self, event, wrap(self, event, listener), listener, true)
end

-- Removes the listener at a place and tells 'removeListener'.
local function remove_at(self, event, place)
  local list, old = {}, listeners_of(self, event)
  for i = 1, #old do
    if i ~= place then list[#list + 1] = old[i] end
  end
  replace(self, event, list)
  if listeners_of(self, "removeListener")[1] then
    self:emit("removeListener", event, unwrap(old[place]))
  end
end

compat.interpret(remove_at)

--- Removes the listener that was added last. Returns the emitter.
function Emitter:removeListener(event, listener)
  check.listener(listener)
  local list = listeners_of(self, event)
  for i = #list, 1, -1 do
    if list[i] == listener or unwrap(list[i]) == listener then
      remove_at(self, event, i)
      break
    end
  end
  return self
end
Emitter.off = Emitter.removeListener

--- Removes all listeners, of one event or of all. Returns the emitter.
function Emitter:removeAllListeners(event)
  if event == nil then
    for _, name in ipairs(self:eventNames()) do
      if name ~= "removeListener" then self:removeAllListeners(name) end
    end
    event = "removeListener"
  end
  for i = #listeners_of(self, event), 1, -1 do remove_at(self, event, i) end
  return self
end

-- Raises an 'error' nobody listens to.
local function raise(err)
  if type(err) == "table" then error(err, 0) end
  error(errors.unhandled(err), 0)
end

--- Calls the listeners of an event in order. Returns whether there were any.
-- An 'error' without a listener is raised.
function Emitter:emit(event, ...)
  if event == "error" then
    Emitter.emit(self, Emitter.errorMonitor, ...)
    if not listeners_of(self, "error")[1] then raise((...)) end
  end
  local list = listeners_of(self, event)
  for i = 1, #list do list[i](...) end
  return list[1] ~= nil
end

--- Returns a copy of the listeners, without their once-wrappers.
function Emitter:listeners(event)
  local copy = {}
  for i, listener in ipairs(listeners_of(self, event)) do
    copy[i] = unwrap(listener)
  end
  return copy
end

--- Returns a copy of the listeners, with their once-wrappers.
function Emitter:rawListeners(event)
  local copy = {}
  for i, listener in ipairs(listeners_of(self, event)) do copy[i] = listener end
  return copy
end

--- Counts the listeners of an event, or how often one of them was added.
function Emitter:listenerCount(event, listener)
  local list = listeners_of(self, event)
  if listener == nil then return #list end
  local count = 0
  for i = 1, #list do
    if unwrap(list[i]) == listener then count = count + 1 end
  end
  return count
end

--- Lists the events that have listeners, in the order of their first.
function Emitter:eventNames()
  local names, events = {}, self._events or NONE
  for name in pairs(events) do names[#names + 1] = name end
  table.sort(names, function(a, b) return events[a].at < events[b].at end)
  return names
end

return Emitter
