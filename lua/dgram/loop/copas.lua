-- SPDX-License-Identifier: MIT
-- The adapter for copas: a loop of our own (poll.lua), which copas.step turns. Copas
-- waits for the one descriptor of that loop; where the system has no epoll it looks
-- for datagrams every 10 ms. There is no unref.
--
--   local loop = require("dgram.loop.copas").new()

local compat = require "dgram.compat"
local copas = require "copas"
local poll_loop = require "dgram.loop.poll"

local POLLING = 10 -- milliseconds

local calling = false -- our loop runs, in no coroutine of copas

-- Calls a function. An error ends a coroutine of its own, for copas to tell of.
local function call(fn)
  calling = true
  local ok, err = pcall(fn)
  calling = false
  if not ok then copas.addthread(function() error(err, 0) end) end
end

local function nothing() end

-- Suspends a coroutine of copas until over() is true. What it waits for looks like a
-- socket to copas: readable when its loop has something to do, and "dirty", which
-- LuaSocket asks of what has a descriptor, when the wait is over.
local function wait(over, loop)
  copas.receive({
    getfd = function() return over() and 0 or loop and loop.descriptor() or -1 end,
    dirty = over,
    receive = function() return over() and "" or nil, "timeout" end,
    close = nothing,
  }, 1)
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
  local turn = loop.run
  local function run() turn "nowait" end
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
  adapter.run, adapter.stop = nil, nil -- copas' loop is the program's
  local poll = adapter.poll
  function adapter.poll(fd, callback)
    local handle, code = poll(fd, callback)
    if handle then handle.unref = nothing end
    return handle, code
  end
  function adapter.running() return not calling and compat.yieldable() end
  function adapter.suspend(waiting)
    wait(function() return waiting.resumed end)
  end
  function adapter.resume() end -- the next step sees it
  function adapter.spawn(fn, ...)
    local arguments, count = { ... }, select("#", ...)
    copas.addthread(function() fn(compat.unpack(arguments, 1, count)) end)
  end
  return adapter
end

return { new = new }
