-- SPDX-License-Identifier: MIT
-- A loop of our own, for hosts without luv, and its adapter (docs/embedding.md says
-- what that owes): idle callbacks, descriptors, timers, in this order in each turn.

local core = require "dgram.core"
local new_selector = require "dgram.selector"
local new_timers = require "dgram.timers"

-- The handles: those that are started stand in a heap of the loop's.
local Idle, Timer = {}, {}
Idle.__index, Timer.__index = Idle, Timer

function Idle:start()
  if not self.place then self.loop.idles:add(self, 0) end
  self.loop.changed()
end

function Timer:start(milliseconds)
  self.loop.timers:add(self, core.now() + math.max(0, milliseconds))
  self.loop.changed()
end

function Idle:stop() self.loop.idles:remove(self) end
function Timer:stop() self.loop.timers:remove(self) end

-- Tells whether anything keeps the loop going.
local function alive(self)
  return #self.idles > 0 or #self.timers > 0 or self.selector.referenced > 0
end

-- Returns how many milliseconds there are until something is due; -1: no end.
local function patience(self)
  return #self.idles > 0 and 0 or self.timers:left()
end

-- Calls the idle handles that are started.
local function run_idles(self)
  local list = {}
  for i = 1, #self.idles do list[i] = self.idles[i] end
  for i = 1, #list do
    if list[i].place then list[i].callback() end
  end
end

-- Calls the timers that are due now, the earliest first.
local function run_timers(self)
  local now = core.now()
  local timer = self.timers:take(now)
  while timer do
    timer.callback()
    timer = self.timers:take(now)
  end
end

-- Turns the loop until nothing keeps it going, or once: see run.
local function turn(self, mode)
  local function wait()
    local waits = mode ~= "nowait" and not self.stopped and alive(self)
    return waits and patience(self) or 0
  end
  repeat
    run_idles(self)
    self.selector:wait(wait)
    run_timers(self)
  until mode == "once" or mode == "nowait" or self.stopped or not alive(self)
end

-- Runs the loop until nothing keeps it going, or one turn: "once" may wait in it,
-- "nowait" does not. Returns whether more is to do. A run within it stops by itself.
local function run(self, mode)
  local stopped, outer = self.stopped, self.running
  self.stopped, self.running = false, true
  local ok, err = pcall(turn, self, mode)
  self.stopped, self.running = stopped, outer
  if not ok then error(err, 0) end
  return alive(self)
end

--- Makes an independent loop.
-- @tparam[opt] function wakeup tells a host, between runs, to ask patience() anew
local function new(wakeup)
  local self = { idles = new_timers(), timers = new_timers(), stopped = false }
  function self.changed()
    if wakeup and not self.running then wakeup() end
  end
  self.selector = new_selector(self.changed, wakeup ~= nil)
  return {
    poll = function(fd, callback) return self.selector:handle(fd, callback) end,
    idle = function(fn) return setmetatable({ loop = self, callback = fn }, Idle) end,
    timer = function(fn) return setmetatable({ loop = self, callback = fn }, Timer) end,
    run = function(mode) return run(self, mode) end,
    stop = function() self.stopped = true end,
    alive = function() return alive(self) end,
    patience = function() return patience(self) end,
    descriptor = function() return self.selector:descriptor() end,
  }
end

return { new = new }
