-- SPDX-License-Identifier: MIT
-- A loop's part in the facade: tasks for its next turn, the sockets that wait
-- before they try again, what is due later, and the hooks the core calls. It knows adapters
-- (docs/embedding.md says what they owe), not loops.

local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"
local new_timers = require "dgram.timers"

local SHORTEST, LONGEST = 1, 32 -- milliseconds between tries
local MOST = 1000   -- tasks more than waited when a turn began
local DEEPEST = 8   -- turns within turns: listeners may run the loop

compat.interpret(true, true) -- a finalizer may come to the same

local Scheduler = {}
Scheduler.__index = Scheduler

--- Raises in a forked child: the loop is the parent's.
function Scheduler:own()
  if self.core:foreign() then errors.throw_fixed("ERR_SOCKET_FORKED") end
end

--- Raises unless there is memory for some calls within each other: what is begun
-- next is begun indeed.
function Scheduler.make_room()
  local _, _, _, _, made = pcall(pcall, pcall, pcall, rawequal, 1, 1)
  if not made then error("not enough memory", 0) end
end

local make_room = Scheduler.make_room

-- Takes the first task, if there still is one, and runs it.
local function run_first(self)
  local first = self.first
  if first > self.last then return end
  local task, subject = self.tasks[first], self.subjects[first]
  self.tasks[first], self.subjects[first] = nil, nil
  self.first = first + 1
  task(subject)
end

-- Runs the tasks that wait, and of those they add some. One is taken when it can
-- be called: nobody else would close what it was to close. (To find that out may run
-- finalizers, and one that runs the loop takes the tasks.)
local function run_tasks(self)
  local last = self.last + MOST
  while self.first <= math.min(self.last, last) do
    make_room()
    run_first(self)
  end
end

-- Lets a socket try again; one that cannot waits once more.
local function rouse(socket)
  socket._asleep = false
  local ok, err = pcall(socket._resume, socket)
  if ok then return end
  pcall(socket._scheduler.retry, socket._scheduler, socket)
  error(err, 0)
end

-- Defers the sockets whose wait is over. Where there is no memory for that, the rest
-- is deferred in the next turn; a finalizer may add some meanwhile.
local function wake(self)
  local sleepers = self.sleepers
  while self.woken and sleepers[1] do
    local last = #sleepers
    self:defer(rouse, sleepers[last])
    sleepers[last] = sleepers[#sleepers]
    sleepers[#sleepers] = nil
  end
  self.woken = false
end

-- Starts the timer for the entry that is due first.
local function set_alarm(self)
  self.alarm:start(self.timers:left())
  self.rings = self.timers[1].due
end

-- Defers what is due, so that an error in one does not keep the others waiting.
local function ring(self)
  local timers = self.timers
  if self.rings or not timers[1] then return end
  local now = core.now()
  while timers[1] and timers[1].due <= now do
    local entry = timers[1]
    self:defer(entry.expire, entry) -- first: it is lost in no place
    timers:remove(entry)
  end
  if timers[1] then set_alarm(self) end
end

-- Stops the timer when nothing waits for it any more.
local function hush(self)
  if self.timers[1] or not self.rings then return end
  self.alarm:stop()
  self.rings = nil
end

-- Tells whether a turn has nothing to do but for the core's part: no task, and a
-- timer runs if and only if something waits for it.
local function is_idle(self)
  return self.first > self.last and not self.woken
    and not self.timers[1] == not self.rings
end

-- A turn: what is due, the tasks, the core's part, and what its callbacks added,
-- so that 'listening' is heard before the loop can bring a 'message'.
local function run(self)
  if self.core:ended() then return end
  self:own()
  wake(self)
  ring(self)
  run_tasks(self)
  self.core:turn()
  run_tasks(self)
  hush(self)
  if self.core:rest() and is_idle(self) then
    self.idle:stop()
  else
    self.idle:start() -- a turn within this one may have stopped it
  end
end

--- Runs a function in the loop's next turn; the loop stays alive until then. From
-- the place on no object is made, so no finalizer comes between; where memory ends
-- the queue is as before.
function Scheduler:defer(task, subject)
  self.idle:start() -- first: it may run finalizers, which may defer too
  local place = self.last + 1
  self.subjects[place], self.tasks[place] = subject, task
  self.last = place
end

-- Calls a function of the scheduler: its errors leave as the adapter wants
-- them.
local function protect(self, body)
  make_room()
  self.depth = self.depth + 1
  local ok, err = xpcall(body, self.traceback)
  self.depth = self.depth - 1
  if ok then return end
  self.idle:start()
  error(err, 0)
end

--- Lets a socket try again after a while, longer each time in a row.
function Scheduler:retry(socket)
  if not socket._asleep then
    self.sleepers[#self.sleepers + 1] = socket
    socket._asleep = true
  end
  if self.asleep and not (self.timer.lost and self.timer:lost()) then return end
  self.timer:start(socket:_backoff(SHORTEST, LONGEST))
  self.asleep = true -- last: nobody would ever wake if the start had failed
end

--- Calls entry.expire(entry) after some milliseconds, unless it is cancelled;
-- the loop stays alive until then.
function Scheduler:after(milliseconds, entry)
  self.alarm = self.alarm or self.adapter.timer(function()
    self.rings = nil
    self.idle:start()
  end)
  local due = core.now() + milliseconds
  self.timers:add(entry, due)
  local lost = self.alarm.lost and self.alarm:lost()
  if lost or not self.rings or due < self.rings then set_alarm(self) end
end

--- Forgets an entry. The turn stops the timer, if the next entry does not need it.
function Scheduler:cancel(entry)
  self.timers:remove(entry)
  if not self.timers[1] then self.idle:start() end
end

-- The hooks the core calls.
local function hooks(self)
  return {
    start = function() self.idle:start() end,
    stop = function()
      if is_idle(self) then self.idle:stop() end
    end,
    update = function(socket) socket:_update() end,
    retry = function(socket) self:retry(socket) end,
    error = function(socket, ...) socket:_network_error(...) end,
    report = function(socket, ...) socket:_failed_on_its_way(...) end,
    failure = function(socket, ...) return socket:_send_error(...) end,
    failed = function(socket, err) socket:_report(err) end,
    drain = function(socket, path) socket:_drained(path) end,
    closed = function() errors.throw_fixed("ERR_SOCKET_DGRAM_NOT_RUNNING") end,
    traceback = self.adapter.traceback,
    deliver = rawget(_G, "jit") and require "dgram.deliver" or nil,
  }
end

--- Keeps a socket with a handle of the loop alive until it is let go.
function Scheduler:keep(socket)
  self.sockets[socket] = true
  self.guard = core.guard(self.core, self.sockets)
end

--- Hears of each iterator over a socket's events: a driver may close it when who made
-- it has gone.
function Scheduler.begun() end

-- Makes a scheduler for an adapter.
local function new(adapter)
  local self = setmetatable({
    adapter = adapter,
    traceback = adapter.traceback or function(err) return err end,
    depth = 0,
    tasks = {}, subjects = {}, first = 1, last = 0,
    sleepers = {},
    timers = new_timers(),
    sockets = {}, -- those with a handle of the loop
  }, Scheduler)
  self.core = core.loop(hooks(self))
  local function run_self() run(self) end
  self.idle = adapter.idle(function()
    if self.depth < DEEPEST then protect(self, run_self) end
  end)
  self.timer = adapter.timer(function()
    self.woken, self.asleep = true, false
    self.idle:start()
  end)
  adapter.soon = function(task) self:defer(task) end
  return self
end

-- `hosts` are the adapters whose host has coroutines of its own; `current` is
-- the one whose loop runs, as far as we know.
local M = { hosts = setmetatable({}, { __mode = "k" }) }

--- Returns the scheduler of an adapter; there is one for each.
function M.of(adapter)
  if adapter.scheduler then adapter.scheduler:own() end
  if not adapter.scheduler then
    adapter.scheduler = new(adapter)
    if adapter.suspend then M.hosts[adapter] = true end
  end
  return adapter.scheduler
end

return M
