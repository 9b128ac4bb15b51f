-- SPDX-License-Identifier: MIT
-- A loop of our own, on poll(): for hosts without luv, and the second adapter
-- beside luv.lua, whose head says what the hooks owe.
--
--   local loop = require("dgram.loop.poll").new()
--   local socket = dgram.createSocket { type = "udp4", loop = loop }
--   loop.run()
--
-- Unlike luv's, a lookup of a host name blocks, and an error in a callback leaves
-- run(), which may be called again. The cost of a turn grows with the sockets.

local core = require "dgram.core"

local READABLE, WRITABLE, INVALID = 1, 2, 4

local Poll = {}
Poll.__index = Poll

--- Watches for errors, and for datagrams and writability as asked.
function Poll:start(readable, writable)
  self.loop.watched[self.fd] = (readable and READABLE or 0)
    + (writable and WRITABLE or 0)
end

function Poll:stop() self.loop.watched[self.fd] = nil end

function Poll:ref() self.unreferenced = nil end

function Poll:unref() self.unreferenced = true end

--- Stops for good; the descriptor may have another handle then.
function Poll:close()
  if self.loop.polls[self.fd] ~= self then return end
  self:stop()
  self.loop.polls[self.fd] = nil
end

-- Handles whose set is their state: there while they are started.
local Idle, Timer = {}, {}
Idle.__index, Timer.__index = Idle, Timer

function Idle:start() self.loop.idles[self] = true end

function Idle:stop() self.loop.idles[self] = nil end

function Timer:start(milliseconds)
  self.loop.timers[self] = core.now() + milliseconds
end

function Timer:stop() self.loop.timers[self] = nil end

-- Tells whether anything keeps the loop going.
local function alive(self)
  if next(self.idles) or next(self.timers) then return true end
  for fd in pairs(self.watched) do
    if not self.polls[fd].unreferenced then return true end
  end
  return false
end

-- Returns how many milliseconds poll() may wait; -1: without end.
local function patience(self, mode)
  if mode == "nowait" or next(self.idles) or not alive(self) then return 0 end
  local first = next(self.timers) and 2 ^ 31 - 1
  for _, due in pairs(self.timers) do
    first = math.min(first, math.max(math.ceil(due - core.now()), 0))
  end
  return first or -1
end

-- Calls the timers that are due, the earliest first.
local function run_timers(self)
  local now, due = core.now(), {}
  for timer, at in pairs(self.timers) do
    if at <= now then due[#due + 1] = timer end
  end
  table.sort(due, function(a, b) return self.timers[a] < self.timers[b] end)
  for _, timer in ipairs(due) do
    if (self.timers[timer] or math.huge) <= now then
      timer:stop()
      timer.callback()
    end
  end
end

-- Calls the idle handles that are started.
local function run_idles(self)
  local list = {}
  for idle in pairs(self.idles) do list[#list + 1] = idle end
  for _, idle in ipairs(list) do
    if self.idles[idle] then idle.callback() end
  end
end

-- Waits, then calls the handles that are ready.
local function run_polls(self, mode)
  local ready = assert(core.poll(self.watched, patience(self, mode)))
  for fd, events in pairs(ready) do
    local handle = self.watched[fd] and self.polls[fd]
    if handle and events == INVALID then
      handle:stop()
      handle.callback("EBADF")
    elseif handle then
      handle.callback(nil, events)
    end
  end
end

-- Runs the loop until nothing keeps it going, or for one turn: "once" may wait
-- for something to do, "nowait" does not. Returns whether there is more to do.
local function run(self, mode)
  self.stopped = false
  repeat
    run_idles(self)
    run_polls(self, mode)
    run_timers(self)
  until mode == "once" or mode == "nowait" or self.stopped or not alive(self)
  return alive(self)
end

--- Makes an independent loop.
local function new()
  local adapter, self = {}, { polls = {}, watched = {}, idles = {}, timers = {} }

  local function make(type, callback, fd)
    local handle = { loop = self, callback = callback, fd = fd }
    return setmetatable(handle, type)
  end

  function adapter.poll(fd, callback)
    if self.polls[fd] then return nil, "EEXIST" end
    self.polls[fd] = make(Poll, callback, fd)
    return self.polls[fd]
  end

  function adapter.idle(callback) return make(Idle, callback) end
  function adapter.timer(callback) return make(Timer, callback) end

  function adapter.lookup(host, family, callback)
    local address, code = core.resolve(host, family)
    adapter.timer(function() callback(code, address) end):start(0)
  end

  function adapter.run(mode) return run(self, mode) end
  function adapter.alive() return alive(self) end
  function adapter.stop() self.stopped = true end
  return adapter
end

return { new = new }
