-- SPDX-License-Identifier: MIT
-- The wait of a coroutine: the one place that suspends and resumes. How is the
-- business of the loop's adapter, if its host has coroutines of its own; else
-- it is coroutine.yield and coroutine.resume. (docs/embedding.md, "The contract
-- of adapters", says what these hooks owe.) Fields:
--
--   scheduler  the loop's part
--   hooks      running, suspend, resume, waits, spawn
--   thread     the coroutine, when the hooks are our own
--   undo       called when it ends: removes what would end it
--   expire     called when its time is over; due, serial, place: see timers.lua
--   socket, before, behind  its place in a socket's queue (receive.lua); the socket
--              may be an iterator, too
--   done       what it waited for has come; [1] ... [n] are the values
--   suspended  the hook was called; resumed: it was told to return; left: it
--              returned without

local compat = require "dgram.compat"
local errors = require "dgram.errors"
local schedulers = require "dgram.scheduler"

local Wait = {}
Wait.__index = Wait

local M = {}

-- The adapter of each coroutine that we made, false when none was named; and
-- who hears that one failed instead of the loop.
local homes = setmetatable({}, { __mode = "k" })
local failures = setmetatable({}, { __mode = "k" })

-- Adds to an error where in a coroutine it was raised, as the loop wants it.
local function describe(err, thread, adapter)
  if adapter and adapter.traceback then return adapter.traceback(err, thread) end
  return type(err) == "string" and debug.traceback(thread, err) or err
end

-- Tells an error of a coroutine, and where it was raised, to whom it concerns;
-- raises unless somebody hears of it.
local function fail(err, thread, adapter)
  local failed = failures[thread]
  if failed then failed(err, thread) else err = describe(err, thread, adapter) end
  compat.close(thread)
  if not failed then error(err, 0) end
end

-- Resumes a coroutine; an error leaves as that of a listener does.
local function go_on(thread, adapter, ...)
  local ok, err = coroutine.resume(thread, ...)
  if not ok then fail(err, thread, adapter) end
end

-- The hooks of loops whose host has no coroutines.
local own = { running = compat.yieldable }

function own.suspend() coroutine.yield() end

function own.waits(wait) return coroutine.status(wait.thread) == "suspended" end

-- Resumes, unless somebody has closed the coroutine meanwhile.
function own.resume(wait)
  if own.waits(wait) then go_on(wait.thread, wait.scheduler.adapter) end
end

-- Returns the adapter whose host's coroutine is running, nil if there is none.
local function host_of_running()
  local adapter = next(schedulers.hosts)
  while adapter and not adapter.running() do
    adapter = next(schedulers.hosts, adapter)
  end
  return adapter
end

local OUTSIDE = "Only a coroutine can wait: call this in a function that "
  .. "dgram.run(fn) or dgram.async(fn) runs, or use a callback"
local ELSEWHERE = "This coroutine belongs to another loop: make the socket with "
  .. "the option loop, or wait in a function of dgram.async(fn)"
local DISTURBED = "This coroutine was resumed by somebody else while it waited"

-- Raises where nothing can wait.
local function refuse(why)
  errors.throw("Error", "ERR_NOT_IN_COROUTINE", why or OUTSIDE)
end

-- Returns the hooks that suspend the running coroutine, `thread`, for a loop, or
-- raises. A coroutine that we made is resumed by us, whatever its host is.
local function hooks_for(adapter, thread)
  local hooks = own
  if homes[thread] == nil then
    local host = host_of_running()
    if host and host ~= adapter then refuse(ELSEWHERE) end
    if adapter.suspend then hooks = adapter end
  end
  local ok, why = hooks.running()
  return ok and hooks or refuse(why)
end

--- Begins a wait of the running coroutine. Raises ERR_NOT_IN_COROUTINE when
-- nothing can be suspended here. The table has its fields from the beginning, for
-- it is made for every datagram: one that grows costs twice as much.
function M.begin(scheduler)
  local thread = compat.running()
  return setmetatable({ false, false, n = 0, scheduler = scheduler,
    thread = thread, hooks = hooks_for(scheduler.adapter, thread), done = false,
    suspended = false, resumed = false, undo = false, socket = false,
    before = false, behind = false }, Wait)
end

-- Lets the coroutine go on.
local function resume(wait)
  if wait.resumed or wait.left then return end
  wait.resumed = true
  wait.hooks.resume(wait)
end

-- Removes what would end the wait.
local function let_go(wait)
  if wait.undo then wait:undo() end
  wait.undo = false
  if wait.place then wait.scheduler:cancel(wait) end
end

-- Notes how the wait ended; false if it had before. Where there is no memory to remove
-- what would end it, that comes here once more.
local function finish(wait, ...)
  if wait.done then return let_go(wait) end
  wait.done, wait.n = true, select("#", ...)
  wait[1], wait[2] = ...
  let_go(wait)
  for i = 3, wait.n do wait[i] = (select(i, ...)) end
  return true
end

--- Ends the wait with values, and resumes in the loop's next turn: that comes first,
-- for there may be no memory for it.
function Wait:settle(...)
  if self.suspended and not self.done then self.scheduler:defer(resume, self) end
  finish(self, ...)
end

--- Ends the wait with values, and resumes now: only in a callback of the loop.
function Wait:deliver(...)
  if finish(self, ...) and self.suspended then resume(self) end
end

--- Ends the wait of a coroutine that goes on, or ended, without us.
function Wait:abandon()
  self.left = true
  finish(self)
end

--- Calls a function that arranges what will end the wait; nothing of that is left when
-- it raises.
function Wait:prepare(fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then return end
  self:abandon()
  error(err, 0)
end

--- Tells whether the coroutine still waits: its host may have ended it.
function Wait:alive()
  local waits = self.hooks.waits
  return not (self.done or waits and not waits(self))
end

-- Calls what ends a wait whose time is over.
local function expire(wait) wait.expired(wait) end

--- Calls expired(wait) after some milliseconds, unless it has ended by then.
function Wait:limit(milliseconds, expired)
  if self.done then return end
  self.expired, self.expire = expired, expire
  self.scheduler:after(milliseconds, self)
end

--- Suspends until the wait has ended; returns its values.
function Wait:values()
  if not self.done then
    self.suspended = true
    self.hooks.suspend(self)
    if not self.resumed then
      self:abandon()
      refuse(DISTURBED)
    end
  end
  return compat.unpack(self, 1, self.n)
end

--- Runs a function in a coroutine of its own, in the host's way if it has one.
function M.spawn(adapter, fn, ...)
  if adapter and adapter.spawn then return adapter.spawn(fn, ...) end
  local thread = coroutine.create(fn)
  homes[thread] = adapter or false
  go_on(thread, adapter, ...)
end

--- Runs a function in a coroutine of ours; failed(err, thread) hears its error.
function M.try(adapter, fn, failed)
  local thread = coroutine.create(fn)
  homes[thread], failures[thread] = adapter, failed
  go_on(thread, adapter)
end

--- Returns the adapter that the running coroutine belongs to, nil when nobody
-- knows.
function M.home()
  return homes[compat.running()] or host_of_running() or schedulers.current
end

return M
