-- SPDX-License-Identifier: MIT
-- Connected sockets: connect, connectSync, disconnect, remoteAddress. A
-- connected socket sends to its peer and hears nobody else.

local check = require "dgram.check"
local errors = require "dgram.errors"
local lookup = require "dgram.lookup"

local CORE = require "dgram.core".FIELD

local Socket = {}

-- Ends a connect: the callback or 'error' hears of a failure, unless a finalizer
-- closed the socket meanwhile.
local function connect_failed(self, err, callback)
  if self._closed then return end
  self._connected = false
  if callback then
    self:removeListener("connect", callback)
    return callback(err)
  end
  self:_tell("error", err)
end

-- Connects to a numeric address; returns nil, error on failure.
local function connect_now(self, ip, port, shown)
  if self._family.blocked(self._options.send_block, ip) then
    return nil, errors.blocked(ip)
  end
  self[CORE]:flush()
  local ok, errno = self[CORE]:connect(ip, port)
  if not ok then return nil, errors.system("connect", errno, shown, port) end
  self._connected = "connected"
  self._peer, self._peer_port = shown, port
  self[CORE]:fastSend(true)
  return true
end

-- Connects in the loop's next turn, once the address is known.
local function connect_resolved(self, err, ip, port, shown, callback)
  self._scheduler:defer(function()
    if self._closed then return end
    local ok
    if not err then ok, err = connect_now(self, ip, port, shown) end
    if not ok then return connect_failed(self, err, callback) end
    self:_tell("connect")
  end)
end

-- Starts a connect on a bound socket.
local function connect_bound(self, port, address, callback)
  if callback then self:once("connect", callback) end
  if self._family.direct(address) then
    return connect_resolved(self, nil, address, port, address, callback)
  end
  lookup.resolve(self, address, function(err, ip)
    connect_resolved(self, err, ip, port, address, callback)
  end)
end

-- Connects now, or as soon as the socket is bound.
local connect_when_bound
function connect_when_bound(self, port, address, callback)
  self._connected = "connecting"
  self:_bind_implicitly()
  if self._bound ~= "binding" then
    return connect_bound(self, port, address, callback)
  end
  local kept = self:_after_bind(function(err)
    if not err then connect_bound(self, port, address, callback) end
  end)
  if kept == nil then connect_when_bound(self, port, address, callback) end
end

--- Chooses the peer: connect(port [, address] [, callback]),
-- connect(path [, callback]). Only its datagrams are heard from then on.
-- @tparam integer|string port 1 to 65535, or a path
-- @tparam[opt] string address 127.0.0.1 or ::1 unless given
-- @tparam[opt] function callback heard at 'connect', or callback(err)
-- Emits 'connect', or 'error' (connect(2)'s errors)
function Socket:connect(first, address, callback)
  local port
  port, address, callback =
    self._family:connect_target(first, address, callback)
  self:_running()
  if self._connected then
    errors.throw_fixed("ERR_SOCKET_DGRAM_IS_CONNECTED")
  end
  if not self._family.binds_to_send then self:_need() end
  connect_when_bound(self, port, address,
    type(callback) == "function" and callback or nil)
end

--- Chooses the peer at once, by its numeric address (or path).
-- Raises connect(2)'s errors; 'connect' is emitted later
function Socket:connectSync(first, address)
  local port, callback
  self:_running()
  port, address, callback = self._family:connect_target(first, address)
  if callback ~= nil then check.string("address", callback) end
  if self._connected then
    errors.throw_fixed("ERR_SOCKET_DGRAM_IS_CONNECTED")
  end
  if self._bound == "binding" then
    errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND")
  end
  if self._family.binds_to_send then
    lookup.need_literal("argument 'address'", address, "connectSync")
    if not self._bound then self:bindSync({}) end
  else
    self:_need()
  end
  local ok, err = connect_now(self, address, port, address)
  if not ok then errors.raise(err) end
  self._scheduler:defer(function() self:_tell("connect") end)
end

--- Forgets the peer. Raises ERR_SOCKET_DGRAM_NOT_CONNECTED; bind(2)'s errors when
-- its port, which the kernel forgot with the peer, cannot be had again.
function Socket:disconnect()
  if self._connected ~= "connected" then
    errors.throw_fixed("ERR_SOCKET_DGRAM_NOT_CONNECTED")
  end
  self:_running()
  self[CORE]:flush()
  local _, port = self[CORE]:name()
  local ok, errno = self[CORE]:disconnect()
  if not ok then errors.raise(errors.system("connect", errno)) end
  self._connected, self._peer, self._peer_port = false, nil, nil
  self[CORE]:fastSend(not self._options.send_block)
  ok, errno = self._family.rebind(self, port)
  if not ok then errors.raise(errors.system("bind", errno, nil, port)) end
end

--- Returns the peer: {address, family, port}, for unix_dgram {address}.
-- Raises ERR_SOCKET_DGRAM_NOT_CONNECTED.
function Socket:remoteAddress()
  self:_running()
  if self._connected ~= "connected" then
    errors.throw_fixed("ERR_SOCKET_DGRAM_NOT_CONNECTED")
  end
  return self:_describe("getpeername", true)
end

return Socket
