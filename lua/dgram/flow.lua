-- SPDX-License-Identifier: MIT
-- Flow: pausing and resuming, flushing, 'drain', and the counters.

local CORE = require "dgram.core".FIELD

local Socket = {}

--- Stops the delivery of datagrams. The kernel keeps what arrives, as far as
-- its receive buffer goes; a paused socket does not keep the loop alive.
-- @return the socket
function Socket:pause()
  self:_running()
  self._paused = true
  self:_update()
  return self
end

--- Delivers datagrams again, first those that were read before the pause.
-- @return the socket
function Socket:resume()
  self:_running()
  self._paused = nil
  self:_update()
  return self
end

--- Hands the queue to the kernel now; what it refuses for the moment stays.
-- @return the socket
function Socket:flush()
  self:_running()
  if self[CORE]:fileno() then self[CORE]:flush() end
  return self
end

--- Returns a fresh table of counters since the socket was made: received,
-- receivedBytes, sent, sentBytes, sendErrors, remoteErrors, dropped (by the
-- kernel, SO_MEMINFO), blocked, truncated, queued, queuedBytes; gso and gro
-- are the datagrams a train may hold, 0 without trains.
function Socket:stats() return self[CORE]:stats() end

--- Returns the bytes accepted and not yet taken by the kernel.
function Socket:getSendQueueSize()
  local _, bytes = self[CORE]:queued()
  return bytes
end

--- Returns the datagrams accepted and not yet taken by the kernel.
function Socket:getSendQueueCount() return (self[CORE]:queued()) end

-- Hears that nothing waits any more where send said no: in the queue, or for
-- the peer with a path.
function Socket:_drained(path) self:_tell("drain", path) end

return Socket
