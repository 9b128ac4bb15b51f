-- SPDX-License-Identifier: MIT
-- AbortController, as in Node: a signal that closes sockets. Any table with
-- `aborted`, `addEventListener` and `removeEventListener` serves as a signal.

local check = require "dgram.check"
local compat = require "dgram.compat"
local errors = require "dgram.errors"

compat.interpret(true, true) -- a finalizer may come to the same

local Signal = {}
Signal.__index = Signal
Signal.__name = "dgram.AbortSignal"

-- Finds a listener.
local function place_of(self, listener)
  for i, each in ipairs(self.listeners) do
    if each == listener then return i end
  end
end

--- Adds a listener for 'abort', unless it is there.
function Signal:addEventListener(event, listener)
  check.listener(listener)
  if event == "abort" and not place_of(self, listener) then
    table.insert(self.listeners, listener)
  end
end

--- Removes a listener for 'abort'.
function Signal:removeEventListener(event, listener)
  local place = event == "abort" and place_of(self, listener)
  if place then compat.remove(self.listeners, place) end
end

-- Calls the listeners once; the first error is raised when all were called.
local function abort(signal, reason)
  if signal.aborted then return end
  if reason == nil then
    reason = errors.new("AbortError", "ABORT_ERR", "This operation was aborted")
  end
  signal.aborted, signal.reason = true, reason
  local failed, failure = false, nil
  for _ = 1, #signal.listeners do
    local listener = compat.remove(signal.listeners, 1)
    if not listener then break end
    local ok, err = pcall(listener, signal.event)
    if not ok and not failed then failed, failure = true, err end
  end
  if failed then error(failure, 0) end
end

local M = {}

--- Makes a controller: its `signal`, and abort(reason).
function M.new()
  local controller = {
    signal = setmetatable({ aborted = false, listeners = {} }, Signal),
  }
  controller.signal.event = { type = "abort", target = controller.signal }
  function controller:abort(reason) -- called as method or as function
    if self ~= controller and reason == nil then reason = self end
    abort(controller.signal, reason)
  end
  return controller
end

-- Tells whether a value can serve as a signal.
local function is_signal(value)
  return type(value) == "table" and type(value.aborted) == "boolean"
    and check.callable(value.addEventListener)
    and check.callable(value.removeEventListener)
end

--- Checks the option `signal`.
function M.option(options)
  local signal = options.signal
  if signal == nil then return nil end
  local ok, fine = pcall(is_signal, signal)
  if not (ok and fine) then
    check.type_error("options.signal", "an instance of AbortSignal", signal)
  end
  return signal
end

return M
