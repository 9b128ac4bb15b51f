-- SPDX-License-Identifier: MIT
-- The adapter for copas: a loop of our own (poll.lua), which copas.step turns.
--
--   local copas = require "copas"
--   local loop = require("dgram.loop.copas").new()
--   local socket = dgram.createSocket { type = "udp4", loop = loop }
--   copas.loop()
--
-- Copas waits for the one descriptor of that loop; where the system has no epoll it
-- looks for datagrams every 10 ms. There is no unref. Lookups of host names block.

local copas = require "copas"
local poll_loop = require "dgram.loop.poll"

local POLLING = 10 -- milliseconds

-- Calls a function. An error ends a coroutine of its own, for copas to tell of.
local function call(fn)
  local ok, err = pcall(fn)
  if not ok then copas.addthread(function() error(err, 0) end) end
end

-- What copas takes for a socket: readable when its loop has something to do, and
-- "dirty", which LuaSocket asks of what has a descriptor, when the wait is over.
local Watch = {}
Watch.__index = Watch

function Watch:getfd()
  if self.over() then return 0 end
  return self.loop and self.loop.descriptor() or -1
end

function Watch:dirty() return self.over() end

function Watch:receive()
  if self.over() then return "" end
  return nil, "timeout"
end

local function nothing() end

-- Suspends a coroutine of copas until over() is true.
local function wait(over, loop)
  copas.receive(setmetatable({ over = over, loop = loop, close = nothing }, Watch), 1)
end

-- Returns the shorter of two waits, of which any may be without end.
local function shorter(seconds, milliseconds)
  if milliseconds < 0 then return seconds end
  if not seconds or seconds < 0 then return milliseconds / 1000 end
  return math.min(seconds, milliseconds / 1000)
end

-- Has copas.step turn the loop, and wait no longer than that allows.
local function drive(loop)
  local step, finished, watching = copas.step, copas.finished, false
  local function run() loop.run "nowait" end
  local function over() return not loop.alive() end
  local function watch()
    wait(over, loop)
    watching = false
  end
  function copas.step(timeout)
    call(run)
    if not (watching or over()) then
      watching = true
      copas.addthread(watch)
    end
    timeout = shorter(timeout, loop.patience())
    if not (over() or loop.descriptor()) then timeout = shorter(timeout, POLLING) end
    return step(timeout)
  end
  copas.finished = finished and function() return over() and finished() end
end

local adapter

--- Returns the adapter for copas.
local function new()
  if adapter then return adapter end
  adapter = poll_loop.new()
  drive(adapter)
  local poll = adapter.poll
  function adapter.poll(fd, callback)
    local handle, code = poll(fd, callback)
    if handle then handle.unref = nothing end
    return handle, code
  end
  return adapter
end

return { new = new }
