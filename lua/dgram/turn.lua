-- SPDX-License-Identifier: MIT
-- A loop's part in the facade: tasks for its next turn, the sockets that wait
-- before they try again, and the hooks the core calls. It knows adapters
-- (see loop.lua), not loops.

local core = require "dgram.core"

local SHORTEST, LONGEST = 1, 32 -- milliseconds between tries

local Turn = {}
Turn.__index = Turn

-- Runs the tasks that were there when the turn began, then the core's part.
local function run(self)
  local last = self.last
  while self.first <= last do
    local task = self.tasks[self.first]
    self.tasks[self.first] = nil
    self.first = self.first + 1
    task()
  end
  if self.core:turn() or self.first <= self.last then return end
  self.idle:stop()
end

--- Runs a function in the loop's next turn; the loop stays alive until then.
function Turn:defer(task)
  self.last = self.last + 1
  self.tasks[self.last] = task
  self.idle:start()
end

-- Wakes the sockets whose wait is over.
local function wake(self)
  local sleepers = self.sleepers
  self.sleepers = {}
  self.asleep = false
  for socket in pairs(sleepers) do socket:_resume() end
end

-- Lets a socket try again after a while, longer each time in a row.
local function retry(self, socket)
  self.sleepers[socket] = true
  if self.asleep then return end
  self.asleep = true
  self.timer:start(socket:_backoff(SHORTEST, LONGEST))
end

-- The hooks the core calls.
local function hooks(self)
  return {
    start = function() self.idle:start() end,
    stop = function()
      if self.first > self.last then self.idle:stop() end
    end,
    retry = function(socket) retry(self, socket) end,
    watch = function(socket, on) socket:_watch(on) end,
    error = function(socket, errno) socket:_remote(errno) end,
    failed = function(socket, ...) socket:_failed(...) end,
    drain = function(socket) socket:_drained() end,
    traceback = self.adapter.traceback,
  }
end

--- Returns the socket that has a descriptor, nil when none has.
function Turn:owner(fd)
  for socket in pairs(self.sockets) do
    if socket:fileno() == fd then return socket end
  end
end

-- Makes a turn for an adapter.
local function new(adapter)
  local self = setmetatable({
    adapter = adapter,
    tasks = {}, first = 1, last = 0,
    sleepers = {},
    sockets = {}, -- those with a poll handle live until they are closed
  }, Turn)
  self.core = core.loop(hooks(self))
  self.idle = adapter.idle(function() run(self) end)
  self.timer = adapter.timer(function() wake(self) end)
  adapter.soon = function(task) self:defer(task) end
  return self
end

local M = {}

--- Returns the turn of an adapter; there is one for each.
function M.of(adapter)
  adapter.turn = adapter.turn or new(adapter)
  return adapter.turn
end

return M
