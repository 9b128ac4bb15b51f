-- SPDX-License-Identifier: MIT
-- The adapter for libevent's lua-event; docs/embedding.md says what its hooks owe.
--
--   local base = require("luaevent.core").new()
--   local loop = require("dgram.loop.event").new(base)
--   local socket = dgram.createSocket { type = "udp4", loop = loop }
--   base:loop()
--
-- libevent knows no unref. The error of a callback leaves base:loop(), which may
-- be called again. Lookups of host names block.

local libevent = require "luaevent.core"

local READ, WRITE = libevent.EV_READ, libevent.EV_WRITE
local TIMEOUT = libevent.EV_TIMEOUT

local function nothing() end

-- Takes a handle's event out of libevent, at once.
local function stop(self)
  if self.event then self.event:close() end
  self.event, self.events = nil, nil
end

-- Puts a new event in the place of the handle's: for what happens to its
-- descriptor, or after some seconds.
local function add(self, events, seconds)
  stop(self)
  self.event = self.base:addevent(self.fd, events, self.fire, seconds)
  self.events = events
end

-- Makes a handle; `before` is what it does before it calls back, unless that stops
-- it. libevent looks at an event once more when its callback has returned, so it is
-- kept until then.
local function make(base, callback, before, fd)
  local self = { base = base, fd = fd, stop = stop, close = stop, ref = nothing,
    unref = nothing }
  function self.fire()
    local event = self.event
    if before(self) ~= false then callback() end
    self.fired = event
  end
  return self
end

local function again(self)
  self.fresh = false
  add(self, TIMEOUT, 0)
end

--- Makes the adapter for an event base of luaevent.core.
local function new(base)
  local adapter, turns = {}, nil

  -- A turn that was asked for comes before what is ready; the next ones come in
  -- between, as libevent has it.
  local function turn(self)
    local event = self.event
    if turns and turns.event and turns.fresh then turns.fire() end
    return self.event == event
  end

  function adapter.poll(fd, callback)
    local handle = make(base, callback, turn, fd)
    function handle:start(readable, writable)
      local events = (readable and READ or 0) + (writable and WRITE or 0)
      if events ~= self.events then add(self, events) end
    end
    return handle
  end

  function adapter.idle(callback)
    turns = make(base, callback, again)
    function turns:start()
      if self.event then return end
      again(self)
      self.fresh = true
    end
    return turns
  end

  function adapter.timer(callback)
    local handle = make(base, callback, stop)
    function handle:start(milliseconds)
      add(self, TIMEOUT, milliseconds / 1000)
    end
    return handle
  end

  return adapter
end

return { new = new }
