-- SPDX-License-Identifier: MIT
-- The Socket: its states, what the core calls, opening. The rest of its methods
-- are in bind.lua, close.lua, connect.lua, send.lua, receive.lua, flow.lua and
-- option.lua.
-- Fields:
--
--   [CORE]       the core's socket
--   type         "udp4", "udp6" or "unix_dgram"; _family: what it is made of
--   _scheduler   the loop's part (scheduler.lua)
--   _options     what createSocket was given, checked; the class has the defaults
--   _bound       false, "binding" or "bound"
--   _resolving   the address to bind to is looked up
--   _connected   false, "connecting" or "connected"
--   _peer        whom it is connected to, as it was written; _peer_port
--   _closed      false, "closing" or "finished": no lookup holds it up
--   _until       when a closed socket stops to wait for who is slow to read
--   _later       what waits until the socket is bound
--   _lines       datagrams that wait for lookups, by name
--   _jobs        these, and what goes on now: a close waits for them
--   _poll        the loop's handle for datagrams and writability
--   _peers       the loop's handle for unix peers that do not read
--   _paused, _unref  what the user asked for
--   _reading     datagrams are delivered; _making: rinfo is made (deliver.lua)
--   _resting     reading failed; it waits for the next try
--   _failing     sends without a callback failed, which is told once a turn
--   _asleep      it is to be woken after a while
--   _wait        milliseconds of the last wait; _tried: what was sent by then
--   _receivers   coroutines that wait for datagrams (receive.lua)
--   _events      listeners (emitter.lua)

local Emitter = require "dgram.emitter"
local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"

local CORE = core.FIELD

local Socket = {}
Socket.__index = Socket
Socket.__name = "dgram.Socket"

Socket._bound, Socket._connected, Socket._closed = false, false, false
Socket._jobs, Socket._reading = 0, true

-- Makes of a public method one that says so when it is called with a dot.
local function with_colon(name, method)
  return function(self, ...)
    if type(self) == "table" and self[CORE] then return method(self, ...) end
    errors.throw("TypeError", "ERR_INVALID_THIS",
      ("Methods are called with a colon: socket:%s(...)"):format(name))
  end
end

-- Adds the functions of another file to the methods.
local function include(methods)
  for name, method in pairs(methods) do
    local public = not name:find("^_") and name ~= "send" -- send looks itself
    if type(method) == "function" then
      Socket[name] = public and with_colon(name, method) or method
    end
  end
end

include(Emitter)
include(require "dgram.bind")
include(require "dgram.close")
include(require "dgram.connect")
include(require "dgram.flow")
include(require "dgram.option")
include(require "dgram.receive")
include(require "dgram.send")

-- Raises unless the socket is still open to its user, in its own process.
function Socket:_running()
  self._scheduler:own()
  if self._closed then errors.throw_fixed("ERR_SOCKET_DGRAM_NOT_RUNNING") end
end

-- ------------------------------------------------------------ the core's calls

-- Tells the core who hears the messages: one listener directly, more
-- through the emitter, coroutines through receive.lua.
function Socket:_changed(event, list)
  if event ~= "message" then return end
  local listener = list[1]
  if #list > 1 then
    listener = function(msg, rinfo) self:emit("message", msg, rinfo) end
  end
  if self._receivers then listener = self:_receiver(listener ~= nil) end
  self[CORE]:listen(listener)
  if self._receivers then self:_update() end
end

-- Emits an event unless the socket is closed. Nothing is allocated in between: a
-- finalizer could close it.
function Socket:_tell(event, ...)
  if not self._closed then Emitter.emit(self, event, ...) end
end

-- Emits an error that the network caused, if anybody listens.
function Socket:_report(err)
  local heard = self:listenerCount("error") > 0
  self:_tell(heard and "error" or Emitter.errorMonitor, err)
end

-- The errors that come from the network and are gone once they are read.
local PASSING = {
  ECONNREFUSED = true, EHOSTUNREACH = true, ENETUNREACH = true,
  EHOSTDOWN = true, ENETDOWN = true, ECONNRESET = true, EMSGSIZE = true,
  ENOPROTOOPT = true, EPROTO = true, EACCES = true, ENONET = true, ENOTSUP = true,
}

local ROW = 16 -- errors in a row, with no datagram in between, that do not pass

-- Hears of an error that the network told of, the how many-th in a row: most
-- often one that a remote host caused. If it may last, the socket rests a while
-- before it reads again.
function Socket:_network_error(errno, row)
  if self._closed then return end
  local err = errors.system("recvmsg", errno)
  err.address, err.port = self._peer, self._peer_port
  if not PASSING[err.code] or row >= ROW then
    self._resting = true
    self:_update()
    self._scheduler:retry(self)
  end
  if self._options.icmp and PASSING[err.code] then self:emit("icmp", err)
  elseif not self:_fail_receiver(err) then self:_report(err) end
end

-- What such a report has beside the error and the destination.
local DETAILS = { "origin", "type", "icmpCode", "offender", "mtu", "data" }

-- Hears what the kernel reports of a datagram that failed on its way.
function Socket:_failed_on_its_way(errno, address, port, details)
  if self._closed then return end
  local err = errors.system("recvmsg", errno, address, port)
  for i = 1, #DETAILS do err[DETAILS[i]] = details[DETAILS[i]] end
  self:emit("icmp", err)
end

-- Makes the error of a datagram that was refused.
function Socket:_send_error(errno, address, port)
  return errors.system("send", errno, address or self._peer,
    port or self._peer_port)
end

-- Tells how long to wait before the next try, twice as long each time.
function Socket:_backoff(shortest, longest)
  local sent = self[CORE]:sent()
  if sent ~= self._tried then self._wait = nil end
  self._tried = sent
  self._wait = math.min((self._wait or shortest / 2) * 2, longest)
  return math.floor(self._wait)
end

-- Goes on after a wait.
function Socket:_resume()
  if self._closed then return self:_linger() end
  self._resting = nil
  if self[CORE]:awaits() and not self._poll then self[CORE]:flush()
  else self[CORE]:resume() end
  self:_update()
end

-- ------------------------------------------------------------ what is watched

-- Makes a handle of the loop's, which is kept in a field; returns nil, code when
-- it cannot, or a finalizer has closed the socket meanwhile. One may also have made
-- the handle.
local function open_handle(self, field, fd, callback)
  local handle, code = self._scheduler.adapter.poll(fd, callback)
  if self[field] then return self[field] end
  if not handle then return nil, code end
  if not self[CORE]:fileno() then
    handle:close()
    return nil, "EBADF"
  end
  self[field] = handle
  self._scheduler:keep(self)
  return handle
end

compat.interpret(open_handle) -- a finalizer may make it, too

-- Makes the handle for datagrams and writability.
local function open_poll(self)
  return open_handle(self, "_poll", self[CORE]:fileno(), self[CORE]:poller())
end

-- Makes the handle for the peers of lanes.
local function open_peers(self, fd)
  return open_handle(self, "_peers", fd, function()
    self._scheduler:own()
    self[CORE]:resume()
  end)
end

-- Starts or stops a handle of the loop, if there is one, with two booleans.
local function watch(handle, readable, writable)
  if not handle then return end
  if readable or writable then handle:start(readable, writable)
  else handle:stop() end
end

-- Closes the handles of a socket that is not bound and waits for nothing, so
-- that it can be collected.
local function release(self)
  if self._bound == "bound" or self._closed then return end
  local writable, peers = self[CORE]:awaits()
  if not (writable or peers) then self:_dispose() end
end

-- Brings the core and the loop's handles in line with what is wanted:
-- datagrams, unless the socket is paused, rests or is closed, or only receive()
-- would take them and nobody waits; to hear when it is writable, or when a peer
-- has read, while the queue waits for that. The loop lives as long as the queue
-- waits, else as the user wants it. What cannot be watched is tried again after a
-- while. Returns nil, code when a bound socket cannot be.
function Socket:_update()
  local reading = not (self._paused or self._resting or self._closed)
    and self:_is_heard()
  local writable, peers = self[CORE]:awaits()
  local bound, ok, code = self._bound == "bound" and not self._closed, true, nil
  if reading ~= self._reading then self._reading = reading end
  self[CORE]:reading(reading)
  if (bound or writable) and not self._poll then ok, code = open_poll(self) end
  if peers and not self._peers then open_peers(self, peers) end
  watch(self._poll, reading and bound, writable)
  watch(self._peers, peers ~= nil, false)
  self:_keep_alive(writable)
  if (writable and not self._poll) or (peers and not self._peers) then
    self._scheduler:retry(self)
  end
  if (self._poll or self._peers) and not (bound or writable or peers) then
    self._scheduler:defer(release, self)
  end
  return ok, code
end

-- Keeps the loop alive, unless the user does not want it and nothing waits.
function Socket:_keep_alive(waits)
  if not self._poll then return end
  if self._unref and not waits then self._poll:unref() else self._poll:ref() end
end

-- ---------------------------------------------------------------- opening

-- What createSocket's options do to an open socket, in this order.
local TUNING = {
  { "recvInfo", "tell" }, { "icmp", "reports" }, { "interface", "bindInterface" },
  { "recvBufferSize", "set" }, { "sendBufferSize", "set" },
  { "typeOfService", "set" }, { "multicastAll", "set" },
}

-- Passes trains and options on to an open socket; returns nil, errno and the
-- option when the system refuses one.
function Socket:_tune()
  local options, handle = self._options, self[CORE]
  handle:trains(options.gso ~= false, options.gro ~= false)
  for _, each in ipairs(TUNING) do
    local name, method = each[1], each[2]
    local value, ok, errno = options[name], true, nil
    if value ~= nil then ok, errno = handle[method](handle, name, value) end
    if not ok then
      return nil, errno, type(value) == "string" and ("%s '%s'"):format(name, value)
        or name
    end
  end
  return true
end

-- Opens the descriptor, unless it is open; returns nil, errno and the name of
-- the call or of the option on failure.
function Socket:_open()
  if self[CORE]:fileno() then return true end
  local options = self._options
  local ok, errno = self[CORE]:open(options.reuseAddr, options.reusePort,
    options.ipv6Only)
  if not ok then return nil, errno, "socket" end
  local name
  ok, errno, name = self:_tune()
  if not ok then self[CORE]:close() end
  return ok, errno, name
end

-- Opens the descriptor or raises the system's error.
function Socket:_need()
  self:_running()
  local ok, errno, name = self:_open()
  if not ok then errors.raise(errors.system(name, errno)) end
  self[CORE]:flush() -- what was sent before an option is set goes without it
  return self[CORE]
end

-- ---------------------------------------------------------------- addresses

-- Makes the table that address() and remoteAddress() return.
function Socket:_describe(syscall, peer)
  local address, port = self[CORE]:name(peer)
  if not address then errors.raise(errors.system(syscall, port)) end
  return self._family:describe(address, port)
end

local own = {} -- the public methods of this file

--- Returns where the socket is bound: {address, family, port}, for
-- unix_dgram {address}. Raises getsockname(2)'s errors, EBADF when unbound.
function own:address()
  self:_running()
  if self._family.binds_to_send and self._bound ~= "bound" then
    errors.raise(errors.system("getsockname", core.errno "EBADF"))
  end
  return self:_describe("getsockname", false)
end

--- Returns the descriptor's number, nil while there is none.
function own:fileno()
  return not self._closed and self[CORE]:fileno() or nil
end

-- ------------------------------------------------------------- ref and unref

--- Keeps the loop alive while the socket is bound (the default).
function own:ref()
  self._unref = nil
  if not self._closed then self:_keep_alive(self[CORE]:awaits()) end
  return self
end

--- Lets the loop end although the socket is bound.
function own:unref()
  self._unref = true
  if not self._closed then self:_keep_alive(self[CORE]:awaits()) end
  return self
end

include(own)

-- Spells an end of the socket, nil when it has none.
local function spell(self, peer)
  local address, port = self[CORE]:name(peer)
  if not address or address == "" then return nil end
  if not self._family.binds_to_send then return address end
  return (address:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(address, port)
end

--- Spells the socket: its type, what it is bound and connected to, its state.
function Socket:__tostring()
  local text, open = "dgram.Socket (" .. self.type, not self._closed
  local name = open and self._bound == "bound" and spell(self, false)
  local peer = open and self._connected == "connected" and spell(self, true)
  local state = not open and "closed" or self._bound or "unbound"
  if self._connected and open then state = self._connected end
  return text .. (name and ", " .. name or "") .. (peer and " -> " .. peer or "")
    .. ", " .. state .. ")"
end

return Socket
