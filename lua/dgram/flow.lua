-- SPDX-License-Identifier: MIT
-- Flow: pausing and resuming, flushing, 'drain', and the counters.

local Socket = {}

--- Stops the delivery of datagrams. The kernel keeps what arrives, as far as
-- its receive buffer goes; a paused socket does not keep the loop alive.
-- @return the socket
function Socket:pause()
  self:_running()
  self._paused = true
  self[1]:reading(false)
  if self._poll then self:_rewatch() end
  return self
end

--- Delivers datagrams again, first those that were read before the pause.
-- @return the socket
function Socket:resume()
  self:_running()
  self._paused = nil
  self[1]:reading(not self._resting)
  if self._poll then self:_rewatch() end
  return self
end

--- Hands the queue to the kernel now; what it refuses for the moment stays.
-- @return the socket
function Socket:flush()
  self:_running()
  if self[1]:fileno() then self[1]:flush() end
  return self
end

--- Returns a fresh table of counters since the socket was made: received,
-- receivedBytes, sent, sentBytes, sendErrors, remoteErrors, dropped (by the
-- kernel, SO_MEMINFO), blocked, truncated, queued, queuedBytes; gso and gro
-- are the datagrams a train may hold, 0 without trains.
function Socket:stats()
  local stats = self[1]:stats()
  stats.sendErrors = stats.sendErrors + (self._lost or 0)
  stats.queued = self:getSendQueueCount()
  stats.queuedBytes = self:getSendQueueSize()
  return stats
end

local COST = 512 -- bytes a datagram that waits costs beside its payload

-- Tells whether so many more datagrams and bytes are more than may wait.
function Socket:_too_much(count, bytes)
  return self._held > 0 and self._held_bytes + bytes
    + (self._held + count) * COST > self._options.maxQueue
end

-- Counts datagrams that wait for a bind or a lookup.
function Socket:_hold(count, bytes)
  self._held, self._held_bytes = self._held + count, self._held_bytes + bytes
end

-- Forgets datagrams that waited; 'drain' is due when they were the last.
function Socket:_let_go(count, bytes)
  self:_hold(-count, -bytes)
  if self._held > 0 or not self._over then return end
  self._over = nil
  self[1]:over()
end

-- Returns false; 'drain' follows what is held back.
function Socket:_above_mark()
  self._over = true
  return false
end

-- Tells whether the queue, with what is held back, is below its mark.
function Socket:_below_mark()
  local _, _, _, bytes = self[1]:queued()
  bytes = bytes + self._held_bytes + self._held * COST
  if bytes < self._options.highWaterMark then return true end
  if self._held > 0 then return self:_above_mark() end
  self[1]:over() -- a stuck peer that reads again brings a queue above its mark
  return false
end

-- Hears that the core's queue is empty again, but for stuck peers.
function Socket:_drained()
  if self._held > 0 then
    self._over = true
  elseif not self._closed then
    self:emit("drain")
  end
end

return Socket
