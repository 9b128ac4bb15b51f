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
-- kernel, SO_RXQ_OVFL), blocked, truncated, queued, queuedBytes; gso and gro
-- are the datagrams a train may hold, 0 without trains.
function Socket:stats()
  local stats = self[1]:stats()
  stats.sendErrors = stats.sendErrors + (self._lost or 0)
  stats.queued = self:getSendQueueCount()
  stats.queuedBytes = self:getSendQueueSize()
  return stats
end

-- Tells whether so many more bytes are more than may wait.
function Socket:_too_much(bytes)
  local held = self._held or 0
  return held > 0 and held + bytes > self._options.maxQueue
end

-- Counts bytes that wait for a bind or a lookup.
function Socket:_hold(bytes) self._held = (self._held or 0) + bytes end

-- Forgets bytes that waited; 'drain' is due when they were the last.
function Socket:_let_go(bytes)
  self._held = (self._held or 0) - bytes
  if self._held > 0 or not self._over then return end
  self._over = nil
  self[1]:over()
end

-- Tells whether the queue, with what is held back, is below its mark.
function Socket:_below_mark()
  local _, bytes = self[1]:queued()
  if bytes + (self._held or 0) < self._options.highWaterMark then return true end
  self._over = true
  return false
end

-- Hears that the core's queue is empty again.
function Socket:_drained()
  if (self._held or 0) > 0 then
    self._over = true
  elseif not self._closed then
    self:emit("drain")
  end
end

return Socket
