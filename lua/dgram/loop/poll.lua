-- SPDX-License-Identifier: MIT
-- A loop of our own, on poll(): for hosts without luv, and the second adapter
-- beside luv.lua, whose head says what the hooks owe.
--
--   local loop = require("dgram.loop.poll").new()
--   local socket = dgram.createSocket { type = "udp4", loop = loop }
--   loop.run()
--
-- Unlike luv's, a lookup of a host name blocks, and an error in a callback leaves
-- run(), which may be called again. Where there is epoll, idle sockets cost nothing;
-- elsewhere the cost of a turn grows with their number.

local core = require "dgram.core"

local READABLE, WRITABLE, INVALID = 1, 2, 4
local SPELLED = { "r", "w", "rw" }

-- Tells a host that has given itself up to other things that a turn is due.
local function wake(self)
  if self.wake and not self.running then self.wake() end
end

-- Handles that are started stand in a list, and each knows its place in it. (No
-- `pairs` over what changes: a trace of LuaJIT has seen it run no time at all.)
local function enter(list, handle)
  if handle.place then return end
  list[#list + 1] = handle
  handle.place = #list
end

local function leave(list, handle)
  local place, last = handle.place, list[#list]
  if not place then return end
  list[place], last.place = last, place
  list[#list], handle.place = nil, nil
end

local Poll = {}
Poll.__index = Poll

-- Counts the handles that are watched and keep the loop going.
local function count(self, by)
  if self.loop.watched[self.fd] and not self.unreferenced then
    self.loop.referenced = self.loop.referenced + by
  end
end

-- Watches for events; nil: for none. What the watcher cannot watch is polled.
local function watch(self, events)
  local loop, fd = self.loop, self.fd
  if loop.watched[fd] == events then return end
  count(self, -1)
  loop.watched[fd] = events
  loop.polled[fd] = not loop.watcher:watch(fd, events) and events or nil
  count(self, 1)
  wake(loop)
end

--- Watches for errors, and for datagrams and writability as asked.
function Poll:start(readable, writable)
  watch(self, (readable and READABLE or 0) + (writable and WRITABLE or 0))
end

function Poll:stop() watch(self, nil) end

-- Chooses whether it keeps the loop going.
local function reference(self, unreferenced)
  count(self, -1)
  self.unreferenced = unreferenced
  count(self, 1)
end

function Poll:ref() reference(self, nil) end

function Poll:unref() reference(self, true) end

--- Stops for good; the descriptor may have another handle then. With the last
-- handle goes the watcher's descriptor, unless a host waits for that.
function Poll:close()
  local polls = self.loop.polls
  if polls[self.fd] ~= self then return end
  self:stop()
  polls[self.fd] = nil
  if not (next(polls) or self.loop.wake) then self.loop.watcher:close() end
end

local Idle, Timer = {}, {}
Idle.__index, Timer.__index = Idle, Timer

function Idle:start()
  enter(self.loop.idles, self)
  wake(self.loop)
end

function Idle:stop() leave(self.loop.idles, self) end

function Timer:start(milliseconds)
  self.due = core.now() + milliseconds
  enter(self.loop.timers, self)
  wake(self.loop)
end

function Timer:stop() leave(self.loop.timers, self) end

-- Tells whether anything keeps the loop going.
local function alive(self)
  return #self.idles > 0 or #self.timers > 0 or self.referenced > 0
end

-- Returns how many milliseconds there are until something is due; -1: no end.
local function patience(self)
  if #self.idles > 0 then return 0 end
  local first = #self.timers > 0 and 2 ^ 31 - 1
  for i = 1, #self.timers do
    local left = math.ceil(self.timers[i].due - core.now())
    first = math.min(first, math.max(left, 0))
  end
  return first or -1
end

-- Calls the timers that are due, the earliest first.
local function run_timers(self)
  local now, due = core.now(), {}
  for i = 1, #self.timers do
    local timer = self.timers[i]
    if timer.due <= now then due[#due + 1] = timer end
  end
  table.sort(due, function(a, b) return a.due < b.due end)
  for i = 1, #due do
    if due[i].place and due[i].due <= now then
      due[i]:stop()
      due[i].callback()
    end
  end
end

-- Calls the idle handles that are started.
local function run_idles(self)
  local list = {}
  for i = 1, #self.idles do list[i] = self.idles[i] end
  for i = 1, #list do
    if list[i].place then list[i].callback() end
  end
end

-- Waits, then calls the handles that are ready.
local function run_polls(self, wait)
  local ready = assert(core.poll(self.polled, wait, self.watcher))
  for i = 1, #ready, 2 do
    local fd, events = ready[i], ready[i + 1]
    local handle = self.watched[fd] and self.polls[fd]
    if handle and events == INVALID then
      handle:stop()
      handle.callback("EBADF")
    elseif handle then
      handle.callback(nil, SPELLED[events])
    end
  end
end

-- Turns the loop until nothing keeps it going, or once.
local function turn(self, mode)
  local function wait()
    local waits = mode ~= "nowait" and not self.stopped and alive(self)
    return waits and patience(self) or 0
  end
  repeat
    run_idles(self)
    run_polls(self, wait)
    run_timers(self)
  until mode == "once" or mode == "nowait" or self.stopped or not alive(self)
end

-- Runs the loop until nothing keeps it going, or for one turn: "once" may wait
-- for something to do, "nowait" does not. Returns whether there is more to do.
local function run(self, mode)
  local outer = self.running
  self.stopped, self.running = false, true
  local ok, err = pcall(turn, self, mode)
  self.running = outer
  if not ok then error(err, 0) end
  return alive(self)
end

--- Makes an independent loop.
-- @tparam[opt] function wakeup called when something was started while the loop does
--   not run: a host that waits for descriptor() and patience() asks them again
local function new(wakeup)
  local adapter = {}
  local self = { polls = {}, watched = {}, polled = {}, watcher = core.watcher(),
    referenced = 0, idles = {}, timers = {}, wake = wakeup }

  local function make(type, callback, fd)
    local handle = { loop = self, callback = callback, fd = fd }
    return setmetatable(handle, type)
  end

  function adapter.poll(fd, callback)
    local handle = make(Poll, callback, fd)
    if self.polls[fd] then return nil, "EEXIST" end
    self.polls[fd] = handle
    return handle
  end

  function adapter.idle(callback) return make(Idle, callback) end
  function adapter.timer(callback) return make(Timer, callback) end

  function adapter.run(mode) return run(self, mode) end
  function adapter.alive() return alive(self) end
  function adapter.patience() return patience(self) end
  function adapter.descriptor()
    return next(self.polled) == nil and self.watcher:fileno() or nil
  end
  function adapter.stop() self.stopped = true end
  return adapter
end

return { new = new }
