-- SPDX-License-Identifier: MIT
-- Binding: bind, bindSync, the bind a send or a connect implies, adoption of a
-- descriptor, and what waits until the socket is bound.

local check = require "dgram.check"
local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"
local lookup = require "dgram.lookup"

local CORE = core.FIELD

local Socket = {}

-- Does what waited for the bind, in order; what fails is raised later, once each
-- has had its turn.
local function do_later(self, later)
  for _, entry in ipairs(later) do
    self[CORE]:hold(-entry.count, -entry.bytes)
    local ok, failure = pcall(entry.action)
    if not ok then self._scheduler:defer(function() error(failure, 0) end) end
  end
end

-- Lets what waited for the bind go on.
function Socket:_go_on()
  local later = self._later
  self._later = nil
  if later then self:_before_close(do_later, later) end
end

-- Tells what waited for the bind, in the loop's next turn, why it failed.
function Socket:_give_up(err)
  local later = self._later
  self._later = nil
  for _, entry in ipairs(later or {}) do
    self[CORE]:hold(-entry.count, -entry.bytes)
    self._scheduler:defer(function() entry.action(err) end)
  end
end

-- Marks the socket as bound and starts to listen; back to what it was, returns
-- nil, errno when the loop cannot watch it.
local function bound(self)
  local before = self._bound
  self._bound = "bound"
  local ok, code = self:_update()
  if not ok then
    self._bound = before
    return nil, core.errno(code) or core.errno "EBADF"
  end
  self[CORE]:fastSend(not self._options.send_block)
  self:_go_on()
  return true
end

-- Binds the descriptor; returns nil, errno and the call's name on failure.
local function bind_now(self, address, port)
  local ok, errno, syscall = self:_open()
  if not ok then return nil, errno, syscall end
  ok, errno = self._family.bind(self, address, port)
  if not ok then return nil, errno end
  ok, errno = bound(self)
  if not ok and self._family.binds_to_send then self[CORE]:close() end
  return ok, errno
end

-- Back to unbound: what waited is told, then 'error' is emitted.
local function bind_failed(self, err, listener)
  self._bound = false
  if self._connected == "connecting" then self._connected = false end
  if listener then self:removeListener("listening", listener) end
  self:_give_up(err)
  if self._closed then return end
  if self:_fail_receiver(err) then return self:_fail_receivers(err) end
  self:_tell("error", err)
end

-- Emits 'listening' or 'error' in the loop's next turn.
local function bind_settled(self, err, listener)
  self._scheduler:defer(function()
    if err then return bind_failed(self, err, listener) end
    self:_tell("listening")
  end)
end

-- Makes the error of a bind, or of what comes before it; a path has no port.
local function bind_error(self, errno, syscall, address, port)
  if syscall then return errors.system(syscall, errno) end
  return errors.system("bind", errno, address,
    self._family.binds_to_send and port or nil)
end

-- Binds to a numeric address or a path, now; the event follows later.
local function bind_to(self, address, port, listener)
  if self._closed then return end -- by a finalizer
  local ok, errno, syscall = bind_now(self, address, port)
  local err = not ok and bind_error(self, errno, syscall, address, port)
  bind_settled(self, err, listener)
end

-- Goes on with a bind whose address was looked up.
local function bind_resolved(self, err, address, port, listener)
  if self._closed then return self:_released() end
  if err then return bind_settled(self, err, listener) end
  self:_before_close(bind_to, address, port, listener)
end

-- Resolves the address, unless it is numeric and there is no user's lookup.
local function bind_by_name(self, address, port, listener)
  local asks = self._options.lookup and self._family.binds_to_send
  if not asks and self._family.direct(address) then
    return self:_before_close(bind_to, address, port, listener)
  end
  self._resolving = true
  lookup.resolve(self, address, function(err, ip)
    self._resolving = false
    bind_resolved(self, err, ip, port, listener)
  end)
end

-- Binds a socket that sends or connects before it was bound.
function Socket:_bind_implicitly()
  if self._bound or not self._family.binds_to_send then return end
  self._bound = "binding"
  bind_by_name(self, self._family.any, 0)
end

-- Raises what kept a descriptor from being taken over: its kind, or an errno.
local function refuse_descriptor(reason)
  if type(reason) == "number" then errors.raise(errors.system("open", reason)) end
  errors.throw("TypeError", "ERR_INVALID_FD_TYPE", "Unsupported fd type: " .. reason)
end

-- Notes the peer that a descriptor has already; one without a name is not shown.
local function has_peer(self, address, port)
  self._connected = "connected"
  if address ~= "" then self._peer, self._peer_port = address, port end
end

-- Tunes and binds a socket whose descriptor is open; returns nil, error on failure.
local function settle(self, peer, port)
  if peer and self._family.blocked(self._options.send_block, peer) then
    return nil, errors.blocked(peer)
  end
  local ok, errno, option = self:_tune()
  if ok then ok, errno = bound(self) end
  if not ok then return nil, errors.system(option or "open", errno) end
  if peer then has_peer(self, peer, port) end
  bind_settled(self)
  return true
end

-- Settles, or calls undo, which needs no memory, and raises why not.
local function settle_or(undo, self, ...)
  local done, ok, err = pcall(settle, self, ...)
  if done and ok then return end
  undo()
  if not done then error(ok, 0) end
  errors.raise(err)
end

-- Adopts a descriptor, with the name and the peer that it has already.
function Socket:_adopt(fd, listener)
  local waiting, _, unreported = self[CORE]:queued()
  if self._poll or waiting + unreported > 0 then
    errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND")
  end
  if self._connected then errors.throw_fixed("ERR_SOCKET_DGRAM_IS_CONNECTED") end
  local function undo()
    self:_dispose()
    self[CORE]:disown()
    self._bound, self._connected = false, false
  end
  local taken, peer, port = self[CORE]:adopt(fd)
  if not taken then refuse_descriptor(peer) end
  settle_or(undo, self, peer, port)
  if listener then self:once("listening", listener) end
end

-- Opens two sockets that are connected to each other.
function Socket:_pair(other)
  local function undo()
    self._closed, other._closed = true, true
    self:_dispose()
    other:_dispose()
  end
  local ok, errno = self[CORE]:pair(other[CORE])
  if not ok then errors.raise(errors.system("socketpair", errno)) end
  settle_or(undo, self, "", 0)
  settle_or(undo, other, "", 0)
end

-- Checks the option `fd`, the number of a descriptor.
local function descriptor(fd) return check.range("fd", fd, 0, 2 ^ 31 - 1) end

-- Sorts the arguments of bind: a table of options, and the callback.
local function bind_arguments(self, first, address, callback)
  local options = {}
  if type(first) == "function" then
    callback = first
  elseif type(first) == "table" then
    options, callback = first, address
  else
    local inner
    options, inner = self._family.bind_options(first, address)
    callback = inner or callback
  end
  return options, type(callback) == "function" and callback or nil
end

-- Adds the callback as a one-time 'listening' listener.
local function once_listening(self, callback)
  if not callback then return nil end
  self:once("listening", callback)
  return callback
end

--- Binds the socket: bind([port] [, address] [, callback]),
-- bind(options [, callback]), bind(path [, callback]) for unix_dgram.
-- @tparam[opt=0] integer|string|table port 0 to 65535; or a path; or the
--   options port, address, path, fd (a descriptor to adopt), exclusive
-- @tparam[opt] string address all interfaces unless given
-- @tparam[opt] function callback heard once, at 'listening'
-- @return the socket. Emits 'listening', or 'error' (bind(2)'s errors)
function Socket:bind(first, address, callback)
  self:_running()
  if self._bound then errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND") end
  local options
  options, callback = bind_arguments(self, first, address, callback)
  check.known_options(options, self._family.known_to_bind)
  if options.fd ~= nil then
    self:_adopt(descriptor(options.fd), callback)
    return self
  end
  local where, port = self._family:bind_target(options)
  if self._bound then errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND") end
  callback = once_listening(self, callback)
  self._bound = "binding"
  bind_by_name(self, where, port, callback)
  return self
end

-- Binds now, if no finalizer has closed or bound the socket meanwhile.
local function bind_running(self, address, port)
  self:_running()
  if self._bound then errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND") end
  return bind_now(self, address, port)
end

--- Binds at once, to a numeric address: bindSync([options]).
-- @tparam[opt] table options port, address, path, fd
-- @return what address() returns. Raises bind(2)'s errors
function Socket:bindSync(options)
  self:_running()
  if self._bound then errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND") end
  if options ~= nil and type(options) ~= "table" then
    check.type_error("options", "of type object", options)
  end
  options = options or {}
  check.known_options(options, self._family.known_to_bind)
  if options.fd ~= nil then
    self:_adopt(descriptor(options.fd))
    return self:address()
  end
  local address, port = self._family:bind_sync_target(options)
  local ok, errno, syscall = self:_before_close(bind_running, address, port)
  if not ok then errors.raise(bind_error(self, errno, syscall, address, port)) end
  bind_settled(self)
  return self:address()
end

-- Keeps an action, and the datagrams it stands for, until the socket is bound;
-- it is given the bind's error. Returns whether what waits is below its mark; nil
-- when a finalizer has ended the bind meanwhile: nothing is kept then.
function Socket:_after_bind(action, count, bytes)
  count, bytes = count or 0, bytes or 0
  local entry, list = { action = action, count = count, bytes = bytes }, {}
  local below = self[CORE]:hold(count, bytes)
  if self._bound ~= "binding" then
    self[CORE]:hold(-count, -bytes)
    return nil
  end
  self._later = self._later or list
  self._later[#self._later + 1] = entry
  return below
end

compat.interpret(Socket._after_bind) -- a finalizer may end the bind

return Socket
