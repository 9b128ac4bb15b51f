-- SPDX-License-Identifier: MIT
-- Straight lines instead of callbacks: run, async, await, sleep, once, on. What
-- they suspend with is wait.lua; socket:receive is in receive.lua.

local check = require "dgram.check"
local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"
local schedulers = require "dgram.scheduler"
local waits = require "dgram.wait"
local abort = require "dgram.abort"

local LONGEST = 2 ^ 31 - 1 -- milliseconds, and datagrams

local M = {}

-- Returns the adapter that is used where none is named.
local function default_loop()
  return waits.home() or require("dgram.loop.luv").luv()
end

-- Returns the scheduler of an emitter that is a socket.
local function scheduler_of(emitter)
  return type(emitter) == "table" and rawget(emitter, "_scheduler")
end

-- Begins a wait for the loop of the running coroutine, or of an emitter that is
-- a socket.
local function begin(emitter)
  return waits.begin(scheduler_of(emitter) or schedulers.of(default_loop()))
end

-- Checks a function.
local function check_function(name, value)
  if not check.callable(value) then
    check.type_error(name, "of type function", value)
  end
end

-- Checks an adapter, which may be missing.
local function check_loop(loop)
  if loop ~= nil and type(loop) ~= "table" then
    check.type_error("loop", "an adapter of a loop", loop)
  end
end

--- Runs a function in a coroutine of its own, each time the result is called.
-- @tparam function fn called with what the result is called with
-- @tparam[opt] table loop the adapter it waits with; the one that is used here
-- @treturn function a listener or callback. An error in fn goes where that of a
--   listener goes
function M.async(fn, loop)
  check_function("fn", fn)
  check_loop(loop)
  loop = loop or waits.home()
  return function(...) waits.spawn(loop or waits.home(), fn, ...) end
end

-- Notes results.
local function pack(...) return { n = select("#", ...), ... } end

-- Runs a loop until nothing is left in it; raises what its host says.
local function run_loop(loop)
  local before = schedulers.current
  schedulers.current = loop
  local ok, left, err = pcall(loop.run)
  schedulers.current = before
  if not ok then error(left, 0) end
  if left == nil and err ~= nil then error(err, 0) end
end

-- Adds to an error that is text where in the coroutine it was raised.
local function with_traceback(err, thread)
  return type(err) == "string" and debug.traceback(thread, err) or err
end

--- Runs a function in a coroutine, and the loop until nothing is left in it.
-- @tparam function fn
-- @tparam[opt] table loop an adapter with run and stop: luv's
-- @return what fn returned. Raises what fn raised, at once
function M.run(fn, loop)
  check_function("fn", fn)
  check_loop(loop)
  loop = loop or require("dgram.loop.luv").luv()
  if not (loop.run and loop.stop) then
    errors.throw("Error", "ENOTSUP",
      "The host runs this loop: call dgram.async(fn)() instead of dgram.run(fn)")
  end
  local outcome, failed, running = { n = 0 }, nil, false
  local function body() outcome = pack(fn()) end
  local function fail(err, thread)
    failed = { with_traceback(err, thread) }
    if running then loop.stop() end
  end
  waits.try(loop, body, fail)
  running = true
  if not failed then run_loop(loop) end
  if failed then error(failed[1], 0) end
  return compat.unpack(outcome, 1, outcome.n)
end

--- Calls fn(..., callback), suspends until the callback is called, and returns
-- what it was given: local err, bytes = dgram.await(socket.send, socket, ...)
function M.await(fn, ...)
  check_function("fn", fn)
  local wait = begin((...))
  local arguments = pack(...)
  arguments[arguments.n + 1] = function(...) wait:settle(...) end
  fn(compat.unpack(arguments, 1, arguments.n + 1))
  return wait:values()
end

--- Suspends the coroutine for some milliseconds.
function M.sleep(ms)
  ms = check.range("ms", ms, 0, LONGEST)
  local wait = begin()
  wait:limit(ms, wait.deliver)
  wait:values()
end

-- ------------------------------------------------------------------ events

-- The listeners of one wait, at an emitter and a signal: what `stop` removes.
local Watch = {}
Watch.__index = Watch

-- Makes one that listens to nothing yet.
local function new_watch(emitter, signal)
  return setmetatable({ emitter = emitter, signal = signal, stopped = false,
    failure = false }, Watch)
end

-- Removes a listener, which may call what removes the others.
local function remove_at(self, i)
  local entry = self[i]
  self[i] = false
  if entry then entry[1][entry[2]](entry[1], entry[3], entry[4]) end
end

-- Removes all, and raises then what one of the objects raised: that listener, for
-- which there may have been no memory, is removed by the next call.
function Watch:stop()
  local failed, failure = false, nil
  self.stopped = true
  for i = #self, 1, -1 do
    local entry = self[i]
    local ok, err = pcall(remove_at, self, i)
    if not ok then self[i], failed, failure = entry, true, err end
  end
  if failed then error(failure, 0) end
end

-- Adds a listener that stop() removes; at once, if that was called meanwhile (a
-- listener may be called while it is added) or the object raises.
function Watch:add(object, add, remove, event, listener)
  if self.stopped then return end
  local entry, place = { object, remove, event, listener }, #self + 1
  self[place] = false -- there is room for it
  local ok, err = pcall(object[add], object, event, listener)
  self[place] = entry
  if self.stopped or not ok then self:stop() end
  if not ok then error(err, 0) end
end

-- Adds a listener of the emitter.
function Watch:listen(event, listener)
  self:add(self.emitter, "on", "removeListener", event, listener)
end

-- Makes the error of an abort.
local function aborted(signal)
  local err = errors.new("AbortError", "ABORT_ERR", "The operation was aborted")
  err.cause = signal.reason
  return err
end

-- Begins: failed(err) hears of an abort and of 'error', unless that is the event
-- itself.
function Watch:begin(event, failed)
  local signal = self.signal
  if event ~= "error" then self:listen("error", failed) end
  if signal then
    self:add(signal, "addEventListener", "removeEventListener", "abort",
      function() failed(aborted(signal)) end)
  end
end

-- Checks an emitter, anything with on and removeListener, and the name of an event.
local function check_emitter(emitter, event)
  if type(emitter) ~= "table" or not check.callable(emitter.on)
    or not check.callable(emitter.removeListener) then
    check.type_error("emitter", "an emitter, as a socket", emitter)
  end
  if event == nil then check.type_error("event", "a string or another value", event) end
end

-- Tells whether an event cannot come any more: the socket is closed.
local function is_over(emitter, event)
  return event ~= "close" and rawget(emitter, "_closed")
end

-- Checks the options of once and on; returns the signal, and raises if it has
-- aborted already.
local function check_options(options, known)
  if type(options) ~= "table" then
    check.type_error("options", "of type table", options)
  end
  check.known_options(options, known)
  local signal = abort.option(options)
  if signal and signal.aborted then errors.raise(aborted(signal)) end
  return signal
end

-- Returns the results of once, or raises the error.
local function results(failure, ...)
  if failure then errors.reraise(failure) end
  return ...
end

-- The error of a socket that was closed.
local function not_running() return errors.fixed("ERR_SOCKET_DGRAM_NOT_RUNNING") end

-- Tries once more to end a watch, and raises what was raised before.
local function stop_again(watching)
  pcall(watching.stop, watching)
  error(watching.failure, 0)
end

-- Ends a watch when its wait has ended. The coroutine goes on, whatever is raised,
-- which goes where a listener's error goes.
local function undo(wait, watching)
  local ok, err = pcall(watching.stop, watching)
  if ok then return end
  watching.failure = err
  wait.scheduler:defer(stop_again, watching)
end

-- Makes the error of an event that did not come.
local function too_late(event, milliseconds)
  local err = errors.new("Error", "ETIMEDOUT",
    ("No '%s' within %d ms"):format(tostring(event), milliseconds))
  err.errno = core.errno "ETIMEDOUT"
  return err
end

-- Has events end a wait. Nothing that they call stands on the coroutine's stack any
-- more when that is suspended: nginx gives the stack of one that it ends to another.
local function end_by_events(wait, watching, event, timeout)
  wait.undo = function() undo(wait, watching) end
  watching:begin(event, function(err) wait:settle(err) end)
  watching:listen(event, function(...) wait:settle(nil, ...) end)
  if event ~= "close" then
    watching:listen("close", function() wait:settle(not_running()) end)
  end
  if timeout then
    wait:limit(timeout, function() wait:settle(too_late(event, timeout)) end)
  end
end

local ONCE = { signal = true, timeout = true }

--- Suspends the coroutine until an event, and returns what it brings.
-- @param emitter a socket, or another emitter
-- @param event its name
-- @tparam[opt] table options timeout (milliseconds), signal
-- @return the arguments of the event. Raises what 'error' brings, AbortError,
--   ETIMEDOUT, ERR_SOCKET_DGRAM_NOT_RUNNING when the socket is closed
function M.once(emitter, event, options)
  check_emitter(emitter, event)
  local signal = check_options(options or {}, ONCE)
  local timeout = check.option_integer(options or {}, "timeout", 0, LONGEST)
  local wait = begin(emitter)
  if is_over(emitter, event) then errors.raise(not_running()) end
  local watching = new_watch(emitter, signal)
  wait:prepare(end_by_events, wait, watching, event, timeout)
  return results(wait:values())
end

-- What `on` returns: called again and again, it returns the next event. Fields:
-- queue (first to last), waiting (coroutines), failure, paused, _closed.
local Events = {}
Events.__index = Events
Events.__name = "dgram.Events"

-- Pauses or resumes the emitter, if it knows how, by how much waits. One that brings
-- too much is paused each time: somebody else may have resumed it.
local function regulate(self)
  local emitter, size = self.emitter, self.last - self.first + 1
  if not emitter.pause or rawget(emitter, "_closed") then return end
  if size > self.high then
    self.paused = true
    emitter:pause()
  elseif self.paused and size < self.low then
    self.paused = false
    emitter:resume()
  end
end

-- Takes who waits longest; nil if nobody does.
local function next_waiting(self)
  local waiting = self.waiting
  while waiting[1] do
    local wait = compat.remove(waiting, 1)
    if wait:alive() then return wait end
  end
end

-- Hears an event.
local function arrived(self, ...)
  if self._closed then return self:close() end
  local wait = next_waiting(self)
  if wait then return wait:settle(true, ...) end
  local event, last = pack(true, ...), self.last + 1
  self.queue[last], self.last = event, last
  regulate(self)
end

--- Ends the iteration: no listener is left, whoever waits hears the end.
function Events:close()
  local closed = self._closed
  self._closed = true
  self.watching:stop()
  if closed then return end
  if self.paused and self.emitter.resume and not rawget(self.emitter, "_closed") then
    self.emitter:resume()
  end
  local wait = next_waiting(self)
  while wait do
    wait:settle(false)
    wait = next_waiting(self)
  end
end
Events.__close = Events.close

-- Ends the iteration with an error, which one coroutine hears.
local function fail(self, err)
  local wait = next_waiting(self)
  if wait then wait:settle(nil, err) else self.failure = { err } end
  self:close()
end

-- Takes the oldest event that came already.
local function take(self)
  local event = self.queue[self.first]
  self.queue[self.first] = nil
  self.first = self.first + 1
  if self.paused and not self._closed then regulate(self) end
  return compat.unpack(event, 1, event.n)
end

-- Takes out a wait that ended without an event.
local function leave(wait)
  local waiting = wait.socket.waiting
  for i = 1, #waiting do
    if waiting[i] == wait then return compat.remove(waiting, i) end
  end
end

-- Waits for the next event.
local function wait_for_next(self)
  local wait = begin(self.emitter)
  self.waiting[#self.waiting + 1] = wait
  wait.socket, wait.undo = self, leave
  return wait:values()
end

-- Returns what a wait brought: true and the event's arguments, false at the end,
-- nil and an error. An event without arguments is true, for nil would end a `for`.
local function event_results(status, first, ...)
  if status == nil then errors.reraise(first) end
  if status and first == nil then return true end
  return first, ...
end

--- Returns the next event; nil when there will be none.
function Events:__call()
  if self.first <= self.last then return event_results(take(self)) end
  local failure = self.failure
  self.failure = nil
  if failure then errors.reraise(failure[1]) end
  if self._closed then return nil end
  return event_results(wait_for_next(self))
end

local ON = { signal = true, close = true, highWaterMark = true, lowWaterMark = true }

-- Checks the option close, names of events.
local function check_close(names)
  if names == nil then return { "close" } end
  if type(names) ~= "table" then
    check.type_error("options.close", "an array of events", names)
  end
  return names
end

-- Listens to an event, and to those that end it.
local function hear(self, event, ends)
  self.watching:begin(event, function(err) fail(self, err) end)
  self.watching:listen(event, function(...) arrived(self, ...) end)
  for _, name in ipairs(ends) do
    self.watching:listen(name, function() self:close() end)
  end
end

--- Iterates over events: for msg, rinfo in dgram.on(socket, "message") do.
-- @param emitter a socket, or another emitter
-- @param event its name
-- @tparam[opt] table options signal; close: the events that end it, {"close"};
--   highWaterMark, lowWaterMark: with more events waiting than that the emitter is
--   paused, with fewer it is resumed
-- @return the iterator, which has a method close(), for `for`. It raises what
--   'error' brings, AbortError
function M.on(emitter, event, options)
  check_emitter(emitter, event)
  options = options or {}
  local signal = check_options(options, ON)
  local self = setmetatable({ emitter = emitter, queue = {}, first = 1, last = 0,
    waiting = {}, _closed = false, paused = false,
    high = check.option_integer(options, "highWaterMark", 1, LONGEST) or LONGEST,
    low = check.option_integer(options, "lowWaterMark", 1, LONGEST) or 1 }, Events)
  local ends = check_close(options.close)
  self.watching = new_watch(emitter, signal)
  local ok, err = pcall(hear, self, event, ends)
  if not ok then
    self:close()
    error(err, 0)
  end
  if is_over(emitter, event) then self:close() end
  local scheduler = scheduler_of(emitter)
  if scheduler then scheduler:begun(self) end
  return self, nil, nil, self
end

return M
