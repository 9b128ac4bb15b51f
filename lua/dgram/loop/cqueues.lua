-- SPDX-License-Identifier: MIT
-- The adapter for cqueues; docs/embedding.md says what its hooks owe. A handle that
-- is started keeps the controller going: there is no unref.
--
--   local controller = require("cqueues").new()
--   local loop = require("dgram.loop.cqueues").new(controller)

local condition = require "cqueues.condition"
local cqueues = require "cqueues"

-- Calls back; an error ends a coroutine of its own, for the controller to tell of.
local function call(self)
  self.loop.calling, self.fresh = true, false
  local ok, err = pcall(self.callback)
  self.loop.calling = false
  if not ok then self.loop.controller:wrap(function() error(err, 0) end) end
end

-- Waits for its `pollfd` and `events`, or `timeout`; calls back, a new turn first.
local function wait(self)
  local turns = self.loop.turns
  self.changed = false
  cqueues.poll(self, self.wake)
  if turns and turns.fresh and not self.changed then call(turns) end
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
  self.on, self.changed, self.fresh = on, true, on and not self.serving
  if self.pollfd then self.loop.controller:cancel(self.pollfd) end
  self.wake:signal()
  if not on or self.serving then return end
  self.serving = true
  self.loop.controller:wrap(function()
    while self.on do self:serve() end
    self.serving = false
  end)
end

-- Makes a handle.
local function make(loop, callback, handle)
  handle.loop, handle.callback, handle.wake = loop, callback, condition.new()
  function handle.stop() if handle.on then turn(handle, false) end end
  function handle.ref() end
  handle.close, handle.unref = handle.stop, handle.ref
  return handle
end

--- Makes the adapter for a controller of cqueues.
local function new(controller)
  local adapter, loop = {}, { controller = controller } -- and turns, calling
  function adapter.poll(fd, callback)
    return make(loop, callback, { serve = wait, pollfd = fd, start = function(self, r, w)
      local events = (r and "r" or "") .. (w and "w" or "") .. "p"
      if self.on and events == self.events then return end
      self.events = events
      turn(self, true)
    end })
  end

  function adapter.idle(callback)
    loop.turns = make(loop, callback, { serve = spin, start = function(self)
      if not self.on then turn(self, true) end
    end })
    return loop.turns
  end

  function adapter.timer(callback)
    return make(loop, callback, { serve = wait, once = true, start = function(self, ms)
      self.timeout = ms / 1000
      turn(self, true)
    end })
  end

  function adapter.running()
    local host, direct = cqueues.running()
    return host == controller and direct and not loop.calling
  end

  function adapter.suspend(suspended)
    suspended.host = condition.new()
    while not suspended.resumed do suspended.host:wait() end
  end

  function adapter.resume(suspended) suspended.host:signal() end
  function adapter.spawn(fn, ...) controller:wrap(fn, ...) end

  return adapter
end

return { new = new }
