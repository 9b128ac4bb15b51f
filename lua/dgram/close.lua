-- SPDX-License-Identifier: MIT
-- Closing, in steps of the loop's turns: what was sent goes out, the port is
-- free, every completion is told, 'close' is emitted, the descriptor is given
-- back.

local core = require "dgram.core"
local errors = require "dgram.errors"

local CORE = core.FIELD

local Socket = {}

-- Gives up the loop's handles, and after them the descriptors of a socket that is
-- closed. It calls no deeper than it must: there may be no memory for that.
function Socket:_dispose()
  if self._poll then self._poll:close() end
  if self._peers then self._peers:close() end
  self._poll, self._peers = nil, nil
  self._scheduler.sockets[self] = nil
  if self._closed then self[CORE]:close() end
  self[CORE]:dismiss()
end

-- The last step.
local dispose = Socket._dispose

-- Tells what is due: the completions that stand, or that the socket is closed.
local function tell(self, unreported)
  if unreported > 0 then self[CORE]:report() else self:emit("close") end
end

-- Tells every completion, emits 'close', gives the descriptor back; the next
-- step is always arranged before a callback can raise.
local wind_up
function wind_up(self)
  local _, _, unreported = self[CORE]:queued()
  local step = unreported > 0 and wind_up or dispose
  local ok, err = pcall(self._scheduler.defer, self._scheduler, step, self)
  if ok then return tell(self, unreported) end
  pcall(tell, self, unreported)
  dispose(self) -- no memory for the next step: at least leak nothing
  error(err, 0)
end

-- Tells whether what was sent is to be waited for.
local function has_time(self)
  if self._options.linger == 0 or self[CORE]:queued() == 0 then return false end
  self._until = self._until or core.now() + self._options.linger
  return core.now() < self._until
end

-- Hands the queue over, until it is empty or the time is over, and frees the
-- port.
local function finish(self)
  local handle = self[CORE]
  if handle:fileno() then
    handle:flush()
    if has_time(self) then return self._scheduler:retry(self) end
    handle:cancel(core.errno "ECANCELED")
    self._until = nil
    if self._poll then self._poll:stop() end
    if self._peers then self._peers:stop() end
    handle:detach()
  end
  self._scheduler:defer(wind_up, self)
end

-- Goes on with a close that waited for lookups.
function Socket:_released()
  if self._closed ~= "closing" then return end
  if self._resolving or self._jobs > 0 then return end
  self._closed = "finished"
  if self._later then
    local ok, errno, name = self:_open()
    if ok then self:_go_on() else self:_give_up(errors.system(name, errno)) end
  end
  if self._jobs > 0 then self._closed = "closing" return end
  local ok, err = pcall(finish, self)
  if ok then return end
  dispose(self) -- no memory for an orderly close: at least leak nothing
  error(err, 0)
end

-- Calls a function with the socket, and returns what it does; a close meanwhile,
-- by a finalizer or a lookup, waits for its end. It counts when there was memory
-- for the call, and calls nothing before it counts again.
function Socket:_before_close(action, a, b, c)
  self._scheduler.make_room()
  self._jobs = self._jobs + 1
  local ok, result, errno, syscall = pcall(action, self, a, b, c)
  self._jobs = self._jobs - 1
  if self._closed then self:_released() end
  if not ok then error(result, 0) end
  return result, errno, syscall
end

-- Goes on with a close that waits for who is slow to read.
function Socket:_linger()
  if not self._until then return end
  local ok, err = pcall(finish, self)
  if ok then return end
  dispose(self) -- no memory for an orderly close: at least leak nothing
  error(err, 0)
end

-- Closes the descriptor in a forked child; the loop's handle is the parent's.
local function abandon(self)
  self._closed = "closing"
  self[CORE]:close()
  return self
end

-- Stops the delivery, and goes on when nothing has to be waited for.
local function begin_close(self)
  self._closed = "closing"
  self[CORE]:fastSend(false)
  self:_fail_receivers(errors.fixed("ERR_SOCKET_DGRAM_NOT_RUNNING"))
  self:_update()
  self:_released()
end

--- Closes the socket: what was sent goes out, then 'close' is emitted.
-- @tparam[opt] function callback heard once, at 'close'
-- @return the socket. Raises ERR_SOCKET_DGRAM_NOT_RUNNING
function Socket:close(callback)
  if not self._closed and self._scheduler.core:foreign() then return abandon(self) end
  if type(callback) == "function" then self:once("close", callback) end
  self:_running()
  local ok, err = pcall(begin_close, self)
  if ok then return self end
  dispose(self) -- no memory for an orderly close: at least leak nothing
  error(err, 0)
end

--- Closes the socket at the end of its scope, if it is still open.
function Socket:__close()
  if not self._closed then self:close() end
end

return Socket
