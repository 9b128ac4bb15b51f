-- SPDX-License-Identifier: MIT
-- Receiving in straight lines: the coroutines that wait for a socket's datagrams,
-- first come first served. A socket that has once been received from reads only
-- while somebody waits or listens: what comes meanwhile the kernel keeps.

local Emitter = require "dgram.emitter"
local check = require "dgram.check"
local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"
local waits = require "dgram.wait"

local CORE = core.FIELD
local LONGEST = 2 ^ 31 - 1 -- milliseconds

-- The queue of a socket, `_receivers`: waits from `first` to `last`, each with
-- `before` and `behind`; `kept`: datagrams that found nobody; `open`: somebody
-- waits or listens.

-- Appends a wait.
local function append(queue, wait)
  wait.before = queue.last or false
  if queue.last then queue.last.behind = wait else queue.first = wait end
  queue.last = wait
end

-- Takes a wait out.
local function remove(queue, wait)
  local before, behind = wait.before, wait.behind
  if before then before.behind = behind else queue.first = behind or nil end
  if behind then behind.before = before else queue.last = before or nil end
  wait.before, wait.behind = false, false
end

-- Takes out a wait that has ended.
local function leave(wait) remove(wait.socket._receivers, wait) end

-- Returns the first coroutine that still waits, nil if there is none; those that
-- their hosts have ended leave.
local function first_alive(queue)
  while queue.first and not queue.first:alive() do queue.first:abandon() end
  return queue.first
end

-- Reads no more if nobody waits.
local function rest(self)
  if not (self._receivers.first or self._closed) then self:_update() end
end

-- Ends a wait with values; what the coroutine raises comes behind.
local function deliver(self, wait, ...)
  local ok, err = pcall(wait.deliver, wait, ...)
  rest(self)
  if not ok then error(err, 0) end
end

-- Hands a datagram to who waits longest; without anybody it is kept, and no
-- more is read.
local function hand(self, msg, rinfo)
  local queue = self._receivers
  local wait = first_alive(queue)
  if wait then return deliver(self, wait, msg, rinfo) end
  table.insert(queue.kept, { msg, rinfo })
  rest(self)
end

-- Hands a datagram to who waits longest, and to the listeners.
local function share(self, msg, rinfo)
  local wait = first_alive(self._receivers)
  if wait then wait:settle(msg, rinfo) end
  self:emit("message", msg, rinfo)
end

-- Reads what has come, so that a loop that is late is no timeout.
local function look_again(self)
  if self._poll and self._receivers.open and not self._resting then
    self[CORE]:poller()()
  end
end

-- Ends a wait whose time is over.
local function time_out(wait)
  local self = wait.socket
  local ok, err = pcall(look_again, self)
  if not ok then self._scheduler:defer(function() error(err, 0) end) end
  deliver(self, wait, nil, errors.system("recvmsg", core.errno "ETIMEDOUT"))
end

local Socket = {}

--- Returns who hears the datagrams when coroutines wait, too; `heard`: there are
-- listeners.
function Socket:_receiver(heard)
  local way = heard and share or hand
  return function(msg, rinfo) way(self, msg, rinfo) end
end

--- Tells whether anybody wants datagrams. Without receive(), a socket reads
-- always, as in Node.
function Socket:_is_heard()
  local queue = self._receivers
  if not queue then return true end
  queue.open = queue.first ~= nil or self:listenerCount("message") > 0
  return queue.open
end

--- Tells an error to who waits longest, unless listeners of 'error' hear it, and
-- returns whether it did.
function Socket:_fail_receiver(err)
  local wait = self._receivers and first_alive(self._receivers)
  if not wait or self:listenerCount("error") > 0 then return false end
  self:emit(Emitter.errorMonitor, err)
  wait:settle(nil, err)
  rest(self)
  return true
end

--- Tells an error to all who wait.
function Socket:_fail_receivers(err)
  local queue = self._receivers
  while queue and queue.first do queue.first:settle(nil, err) end
end

-- Makes the queue of a socket at the first receive.
local function open_queue(self)
  self._receivers = { kept = {}, open = false }
  self:_changed("message", self:rawListeners("message"))
  return self._receivers
end

-- Binds a socket that was not, as send does; a unix socket needs a path.
local function need_bound(self)
  self:_bind_implicitly()
  if not self._bound then errors.throw_fixed("ERR_SOCKET_NOT_BOUND") end
end

-- Waits in the queue. The time limit comes first: it can fail, and the queue is as
-- before; it may even be over.
local function line_up(self, queue, wait, milliseconds)
  wait.socket = self
  if milliseconds then wait:limit(milliseconds, time_out) end
  if not wait.done then
    wait.undo = leave
    append(queue, wait)
    if not queue.open then wait:prepare(self._update, self) end
  end
  return wait:values()
end

--- Suspends the coroutine until a datagram comes for it.
-- @tparam[opt] integer ms how many milliseconds to wait at most
-- @return msg, rinfo; or nil, err: ETIMEDOUT, ERR_SOCKET_DGRAM_NOT_RUNNING when
--   the socket is closed, an error that came back to a connected socket. Raises
--   ERR_NOT_IN_COROUTINE, ERR_SOCKET_NOT_BOUND (unix_dgram), ERR_SOCKET_FORKED
function Socket:receive(ms)
  if ms ~= nil then ms = check.range("ms", ms, 0, LONGEST) end
  self._scheduler:own()
  local wait = waits.begin(self._scheduler)
  if self._closed then return nil, errors.fixed("ERR_SOCKET_DGRAM_NOT_RUNNING") end
  need_bound(self)
  local queue = self._receivers or open_queue(self)
  local kept = not queue.first and queue.kept[1] and compat.remove(queue.kept, 1)
  if kept then return kept[1], kept[2] end
  return line_up(self, queue, wait, ms)
end

return Socket
