-- SPDX-License-Identifier: MIT
-- The Socket: its states, opening, binding and closing. The rest of its methods
-- are in connect.lua, send.lua, flow.lua and option.lua. Fields:
--
--   [1]          the core's socket
--   type         "udp4", "udp6" or "unix_dgram"
--   _turn        the loop's part (turn.lua)
--   _options     what createSocket was given
--   _bound       false, "binding" or "bound"
--   _connected   false, "connecting" or "connected"
--   _closed      close() was called
--   _later       functions that wait until the socket is bound
--   _jobs        sends whose lookup is under way
--   _held        datagrams that wait for a bind or a lookup; _held_bytes
--   _poll        the loop's handle, once the socket listens

local Emitter = require "dgram.emitter"
local check = require "dgram.check"
local core = require "dgram.core"
local errors = require "dgram.errors"
local lookup = require "dgram.lookup"

local Socket = {}
Socket.__index = Socket
Socket.__name = "dgram.Socket"

Socket._bound, Socket._connected, Socket._closed = false, false, false
Socket._held, Socket._held_bytes = 0, 0

-- Adds the functions of another file to the methods.
local function include(methods)
  for name, method in pairs(methods) do
    if type(method) == "function" then Socket[name] = method end
  end
end

include(Emitter)
include(require "dgram.connect")
include(require "dgram.flow")
include(require "dgram.option")
include(require "dgram.send")

local ANY = { udp4 = "0.0.0.0", udp6 = "::", unix_dgram = "" }

-- Raises unless the socket is still open to its user, in its own process.
function Socket:_running()
  self._turn:own()
  if self._closed then errors.throw_fixed("ERR_SOCKET_DGRAM_NOT_RUNNING") end
end

-- ------------------------------------------------------------ the core's calls

-- Tells the core who hears the messages: one listener directly, more
-- through the emitter.
function Socket:_changed(event, list)
  if event ~= "message" then return end
  local listener = list[1]
  if #list > 1 then
    listener = function(msg, rinfo) self:emit("message", msg, rinfo) end
  end
  self[1]:listen(listener)
end

-- Emits an error that the network caused, if anybody listens.
function Socket:_report(err)
  local heard = self:listenerCount("error") > 0
  self:emit(heard and "error" or Emitter.errorMonitor, err)
end

-- The errors that come from the network and are gone once they are read.
local PASSING = {
  ECONNREFUSED = true, EHOSTUNREACH = true, ENETUNREACH = true,
  EHOSTDOWN = true, ENETDOWN = true, ECONNRESET = true, EMSGSIZE = true,
  ENOPROTOOPT = true, EPROTO = true, EACCES = true,
}

-- Hears of an error of receiving: most often one that a remote host caused. If
-- it may last, the socket rests a while before it tries again.
function Socket:_remote(errno)
  if self._closed then return end
  local err = errors.system("recvmsg", errno)
  if not PASSING[err.code] then self:_rest() end
  self:_report(err)
end

-- Stops reading until the next try.
function Socket:_rest()
  self._resting = true
  self[1]:reading(false)
  if self._poll then self:_rewatch() end
  self._turn:retry(self)
end

-- Hears that a datagram was refused.
function Socket:_failed(callback, errno, size, more, address, port)
  local err = errors.system("send", errno, address or self._peer,
    port or self._peer_port)
  if callback then return callback(err, size, more) end
  if not self._closed then self:_report(err) end
end

-- Watches for what is wanted now: datagrams, writability, both or neither.
function Socket:_rewatch()
  local reading = not (self._paused or self._closed or self._resting)
  if reading or self._watching then
    self._poll:start(reading, self._watching)
  else
    self._poll:stop()
  end
end

-- Watches for writability, and keeps the loop alive meanwhile.
function Socket:_watch(on)
  self._watching = on
  if not self._poll and not self:_listen() then return end
  self:_rewatch()
  self:_keep_alive()
end

-- Keeps the loop alive, unless the user does not want it and nothing waits.
function Socket:_keep_alive()
  if not self._poll then return end
  if self._unref and not self._watching then self._poll:unref()
  else self._poll:ref() end
end

-- Tells how long to wait before the next try, twice as long each time.
function Socket:_backoff(shortest, longest)
  local sent = self[1]:stats().sent
  if sent ~= self._tried then self._wait = nil end
  self._tried = sent
  self._wait = math.min((self._wait or shortest / 2) * 2, longest)
  return math.floor(self._wait)
end

-- Goes on after a wait.
function Socket:_resume()
  if self._closed then return end
  if self._resting then
    self._resting = nil
    self[1]:reading(not self._paused)
    if self._poll then self:_rewatch() end
  end
  self[1]:resume()
end

-- ---------------------------------------------------------------- opening

-- Passes limits, the kernel's favours and buffer sizes on to an open socket;
-- returns nil, errno when the system refuses one.
local function tune(self)
  local options = self._options
  self[1]:tune(options.highWaterMark, options.maxQueue, options.gso ~= false,
    options.gro ~= false)
  for _, name in ipairs { "recvBufferSize", "sendBufferSize" } do
    local size, ok, errno = options[name], true, nil
    if size and size > 0 then ok, errno = self[1]:set(name, size) end
    if not ok then return nil, errno end
  end
  return true
end

-- Opens the descriptor, unless it is open; returns nil, errno on failure.
function Socket:_open()
  if self[1]:fileno() then return true end
  local options = self._options
  local ok, errno = self[1]:open(options.reuseAddr, options.reusePort,
    options.ipv6Only)
  if not ok then return nil, errno end
  ok, errno = tune(self)
  if not ok then self[1]:close() end
  return ok, errno
end

-- Opens the descriptor or raises the system's error.
function Socket:_need()
  self:_running()
  local ok, errno = self:_open()
  if not ok then error(errors.system("socket", errno), 0) end
  self[1]:flush() -- what was sent before an option is set goes without it
  return self[1]
end

-- Makes the loop's handle; returns nil when the loop cannot have it.
function Socket:_listen()
  local handle = self[1]
  local poll, code = self._turn.adapter.poll(handle:fileno(), handle:poller())
  if not poll then return nil, code end
  self._poll = poll
  self._turn:keep(self)
  self:_rewatch()
  self:_keep_alive()
  return poll
end

-- ------------------------------------------------------------------ binding

-- Lets what waited for the bind go on, in order.
local function go_on(self, err)
  local later = self._later
  self._later = nil
  for _, entry in ipairs(later or {}) do
    self:_let_go(entry.count, entry.bytes)
    entry.action(err)
  end
end

-- Marks the socket as bound and starts to listen.
local function bound(self)
  if not self._poll then
    local poll, code = self:_listen()
    if not poll then return nil, core.errno(code) or core.errno "EBADF" end
  end
  self._bound = "bound"
  self[1]:ready(not self._options.send_block)
  go_on(self)
  return true
end

-- Binds the descriptor; returns nil, errno on failure.
local function bind_now(self, address, port)
  local ok, errno = self:_open()
  if not ok then return nil, errno end
  if self.type == "unix_dgram" then
    ok, errno = self[1]:bindPath(address, port or self._options.mode)
  else
    ok, errno = self[1]:bind(address, port)
  end
  if not ok then return nil, errno end
  ok, errno = bound(self)
  if not ok and self.type ~= "unix_dgram" then self[1]:close() end
  return ok, errno
end

-- Back to unbound: what waited is told, then 'error' is emitted.
local function bind_failed(self, err, listener)
  local later = self._later
  self._bound, self._later = false, nil
  if self._connected == "connecting" then self._connected = false end
  if listener then self:removeListener("listening", listener) end
  for _, entry in ipairs(later or {}) do
    self:_let_go(entry.count, entry.bytes)
    self._turn:defer(function() entry.action(err) end)
  end
  if not self._closed then self:emit("error", err) end
end

-- Emits 'listening' or 'error' in the loop's next turn.
local function bind_settled(self, err, listener)
  self._turn:defer(function()
    if err then return bind_failed(self, err, listener) end
    if not self._closed then self:emit("listening") end
  end)
end

-- Binds to a numeric address or a path, now; the event follows later.
local function bind_to(self, address, port, listener)
  local ok, errno = bind_now(self, address, port)
  if self.type == "unix_dgram" then port = nil end
  local err = not ok and errors.system("bind", errno, address, port)
  bind_settled(self, err, listener)
end

-- Goes on with a bind whose address was looked up.
local function bind_resolved(self, err, address, port, listener)
  if self._closed then return self:_released() end
  if err then return bind_settled(self, err, listener) end
  bind_to(self, address, port, listener)
end

-- Resolves the address, unless it is numeric and there is no user's lookup.
local function bind_by_name(self, address, port, listener)
  local direct = self.type == "unix_dgram"
    or (not self._options.lookup and lookup.literal(address))
  if direct then return bind_to(self, address, port, listener) end
  self._resolving = true
  lookup.resolve(self, address, function(err, ip)
    self._resolving = false
    bind_resolved(self, err, ip, port, listener)
  end)
end

-- Binds a socket that sends or connects before it was bound.
function Socket:_bind_implicitly()
  if self._bound then return end
  if self.type == "unix_dgram" then return end
  self._bound = "binding"
  bind_by_name(self, ANY[self.type], 0)
end

-- Adopts a descriptor that is bound already.
local function adopt(self, fd, listener)
  local waiting, _, unreported = self[1]:queued()
  if self._poll or waiting + unreported > 0 then
    errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND")
  end
  if self._turn:owner(fd) then
    error(errors.system("open", core.errno "EEXIST"), 0)
  end
  local ok, kind = self[1]:adopt(fd)
  if not ok then
    errors.throw("TypeError", "ERR_INVALID_FD_TYPE",
      "Unsupported fd type: " .. kind)
  end
  tune(self)
  local good, errno = bound(self)
  if not good then
    self[1]:disown()
    error(errors.system("open", errno), 0)
  end
  if listener then self:once("listening", listener) end
  bind_settled(self)
end

-- Sorts the arguments of bind: a table of options, and the callback.
local function bind_arguments(self, first, address, callback)
  local options = {}
  if type(first) == "function" then
    callback = first
  elseif type(first) == "table" then
    options, callback = first, address
  elseif self.type == "unix_dgram" then
    options.path, callback = first, address
  else
    options.port = first
    if type(address) == "function" then callback = address
    else options.address = address end
  end
  return options, type(callback) == "function" and callback or nil
end

-- Checks the options of bind; returns address and port.
local function bind_target(self, options)
  if self.type == "unix_dgram" then
    local path = options.path or options.address
    if path ~= nil then check.string("path", path) end
    return path or "", check.option_integer(options, "mode", 0, 511)
  end
  local address = options.address
  if address ~= nil then check.string("address", address) end
  if address == nil or address == "" then address = ANY[self.type] end
  return address, check.port(options.port or 0, true)
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
  if options.fd ~= nil then
    adopt(self, check.range("fd", options.fd, 0, 2 ^ 31 - 1), callback)
    return self
  end
  local where, port = bind_target(self, options)
  self._bound = "binding"
  bind_by_name(self, where, port, once_listening(self, callback))
  return self
end

--- Binds at once, to a numeric address: bindSync([options]).
-- @tparam[opt] table options port, address, path
-- @return what address() returns. Raises bind(2)'s errors
function Socket:bindSync(options)
  self:_running()
  if self._bound then errors.throw_fixed("ERR_SOCKET_ALREADY_BOUND") end
  if options ~= nil and type(options) ~= "table" then
    check.type_error("options", "of type object", options)
  end
  local address, port = bind_target(self, options or {})
  if self.type ~= "unix_dgram" then lookup.need_literal(address) end
  local ok, errno = bind_now(self, address, port)
  if self.type == "unix_dgram" then port = nil end
  if not ok then error(errors.system("bind", errno, address, port), 0) end
  bind_settled(self)
  return self:address()
end

-- Keeps an action, and the datagrams it stands for, until the socket is bound;
-- it is given the bind's error.
function Socket:_after_bind(action, count, bytes)
  count, bytes = count or 0, bytes or 0
  self._later = self._later or {}
  self:_hold(0, 0) -- a failure leaves nothing half done
  table.insert(self._later, { action = action, count = count, bytes = bytes })
  self._held, self._held_bytes = self._held + count, self._held_bytes + bytes
end

-- ---------------------------------------------------------------- addresses

local FAMILY = { udp4 = "IPv4", udp6 = "IPv6" }

-- Makes the table that address() and remoteAddress() return.
function Socket:_describe(syscall, peer)
  local address, port = self[1]:name(peer)
  if not address then error(errors.system(syscall, port), 0) end
  if self.type == "unix_dgram" then return { address = address } end
  return { address = address, family = FAMILY[self.type], port = port }
end

--- Returns where the socket is bound: {address, family, port}, for
-- unix_dgram {address}. Raises getsockname(2)'s errors, EBADF when unbound.
function Socket:address()
  self:_running()
  if self.type ~= "unix_dgram" and self._bound ~= "bound" then
    error(errors.system("getsockname", core.errno "EBADF"), 0)
  end
  return self:_describe("getsockname", false)
end

--- Returns the descriptor's number, nil while there is none.
function Socket:fileno()
  return not self._closed and self[1]:fileno() or nil
end

-- ------------------------------------------------------------------ closing

-- The last step: the loop's handle first, then the descriptor.
local function dispose(self)
  if self._poll then self._poll:close() end
  self._poll = nil
  self._turn.sockets[self] = nil
  self[1]:close()
end

-- Tells what is due: the verdicts that stand, or that the socket is closed.
local function tell(self, unreported)
  if unreported > 0 then self[1]:report() else self:emit("close") end
end

-- Tells every verdict, emits 'close', gives the descriptor back; the next
-- step is always arranged before a callback can raise.
local wind_up
function wind_up(self)
  local _, _, unreported = self[1]:queued()
  local step = unreported > 0 and wind_up or dispose
  local ok, err = pcall(self._turn.defer, self._turn, step, self)
  if ok then return tell(self, unreported) end
  pcall(tell, self, unreported)
  dispose(self) -- no memory for the next step: at least leak nothing
  error(err, 0)
end

-- Hands the queue over once more and frees the port.
local function finish(self)
  local handle = self[1]
  if handle:fileno() then
    handle:flush()
    handle:cancel(core.errno "ECANCELED")
    if self._poll then self._poll:stop() end
    handle:detach()
  end
  self._turn:defer(wind_up, self)
end

-- Goes on with a close that waited for lookups.
function Socket:_released()
  if not self._closed or self._finished then return end
  if self._resolving or (self._jobs or 0) > 0 then return end
  self._finished = true
  if self._later then
    local ok, errno = self:_open()
    go_on(self, not ok and errors.system("socket", errno) or nil)
  end
  if (self._jobs or 0) > 0 then self._finished = false return end
  local ok, err = pcall(finish, self)
  if ok then return end
  dispose(self) -- no memory for an orderly close: at least leak nothing
  error(err, 0)
end

-- Closes the descriptor in a forked child; the loop's handle is the parent's.
local function abandon(self)
  self._closed = true
  self[1]:close()
  return self
end

-- Stops the delivery, and goes on when nothing has to be waited for.
local function begin_close(self)
  self._closed = true
  self[1]:ready(false)
  self[1]:reading(false)
  if self._poll then self:_rewatch() end
  self:_released()
end

--- Closes the socket: what was sent goes out, then 'close' is emitted.
-- @tparam[opt] function callback heard once, at 'close'
-- @return the socket. Raises ERR_SOCKET_DGRAM_NOT_RUNNING
function Socket:close(callback)
  if not self._closed and self._turn.core:foreign() then return abandon(self) end
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

--- Keeps the loop alive while the socket is bound (the default).
function Socket:ref()
  self._unref = nil
  if not self._closed then self:_keep_alive() end
  return self
end

--- Lets the loop end although the socket is bound.
function Socket:unref()
  self._unref = true
  if not self._closed then self:_keep_alive() end
  return self
end

--- Spells the socket.
function Socket:__tostring()
  return ("dgram.Socket (%s)"):format(self.type)
end

return Socket
