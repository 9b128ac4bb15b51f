-- SPDX-License-Identifier: MIT
-- The Socket: its states, what the core calls, opening. The rest of its methods
-- are in bind.lua, close.lua, connect.lua, send.lua, flow.lua and option.lua.
-- Fields:
--
--   [1]          the core's socket
--   type         "udp4", "udp6" or "unix_dgram"
--   _turn        the loop's part (turn.lua)
--   _options     what createSocket was given
--   _bound       false, "binding" or "bound"
--   _resolving   the address to bind to is looked up
--   _connected   false, "connecting" or "connected"
--   _peer        whom it is connected to, as it was written; _peer_port
--   _closed      close() was called; _finished: and nothing holds it up
--   _later       what waits until the socket is bound
--   _lines       datagrams that wait for lookups, by name; _jobs: how many
--   _held        datagrams that wait for a bind or a lookup; _held_bytes
--   _over        a send returned false, and 'drain' waits for what is held
--   _refused     sends without a callback were refused in this turn
--   _lost        datagrams that never came to the core
--   _poll        the loop's handle, once the socket listens
--   _paused, _unref  what the user asked for
--   _watching    the queue waits for writability
--   _resting     reading failed; it waits for the next try
--   _wait        milliseconds of the last wait; _tried: what was sent by then
--   _events      listeners (emitter.lua)

local Emitter = require "dgram.emitter"
local core = require "dgram.core"
local errors = require "dgram.errors"

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
include(require "dgram.bind")
include(require "dgram.close")
include(require "dgram.connect")
include(require "dgram.flow")
include(require "dgram.option")
include(require "dgram.send")

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

-- Watches for writability, and keeps the loop alive meanwhile; where the loop
-- cannot, the socket tries again after a while.
function Socket:_watch(on)
  self._watching = on
  if not self._poll and not self:_listen() then
    if on then self._turn:retry(self) end
    return
  end
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
  if self._watching and not self._poll then self[1]:flush()
  else self[1]:resume() end
end

-- ---------------------------------------------------------------- opening

-- Passes limits, the kernel's favours and buffer sizes on to an open socket;
-- returns nil, errno when the system refuses one.
function Socket:_tune()
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
  ok, errno = self:_tune()
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

-- ------------------------------------------------------------- ref and unref

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
