-- SPDX-License-Identifier: MIT
-- The adapter for cqueues; the head of luv.lua says what the hooks owe.
--
--   local controller = require("cqueues").new()
--   local loop = require("dgram.loop.cqueues").new(controller)
--   local socket = dgram.createSocket { type = "udp4", loop = loop }
--   assert(controller:loop())
--
-- A handle that is started has a coroutine of the controller, which keeps the
-- controller going: there is no unref. Lookups of host names block.

local condition = require "cqueues.condition"
local cqueues = require "cqueues"

-- Calls back. An error ends a coroutine of its own, for the controller to tell
-- of; the handle's lives.
local function call(self)
  local ok, err = pcall(self.callback)
  if not ok then self.loop.controller:wrap(function() error(err, 0) end) end
end

-- Waits for what cqueues.poll finds in `pollfd`, `events` and `timeout`, and calls
-- back: turns that are due first.
local function wait(self)
  local turns = self.loop.turns
  self.changed = false
  cqueues.poll(self, self.wake)
  if turns and turns.on and not self.changed then call(turns) end
  if self.changed then return end
  self.on = not self.once
  call(self)
end

-- Calls back, and waits until the next turn.
local function spin(self)
  call(self)
  cqueues.sleep(0)
end

-- Turns a handle on or off. What was waited for is so no more, at once.
local function turn(self, on)
  self.on, self.changed = on, true
  if self.pollfd then self.loop.controller:cancel(self.pollfd)
  else self.wake:signal() end
  if not on or self.serving then return end
  self.serving = true
  self.loop.controller:wrap(function()
    while self.on do self:serve() end
    self.serving = false
  end)
end

local function nothing() end

-- Makes a handle of its fields.
local function make(handle)
  function handle.stop()
    if handle.on then turn(handle, false) end
  end
  handle.close, handle.ref, handle.unref = handle.stop, nothing, nothing
  if not handle.pollfd then handle.wake = condition.new() end
  return handle
end

--- Makes the adapter for a controller of cqueues.
local function new(controller)
  local adapter = {}
  local loop = { controller = controller } -- and turns, the idle handle

  function adapter.poll(fd, callback)
    return make { loop = loop, callback = callback, serve = wait, pollfd = fd,
      start = function(self, readable, writable)
        local events = (readable and "r" or "") .. (writable and "w" or "") .. "p"
        if self.on and events == self.events then return end
        self.events = events
        turn(self, true)
      end }
  end

  function adapter.idle(callback)
    loop.turns = make { loop = loop, callback = callback, serve = spin,
      start = function(self)
        if not self.on then turn(self, true) end
      end }
    return loop.turns
  end

  function adapter.timer(callback)
    return make { loop = loop, callback = callback, serve = wait, once = true,
      start = function(self, milliseconds)
        self.timeout = milliseconds / 1000
        turn(self, true)
      end }
  end

  return adapter
end

return { new = new }
