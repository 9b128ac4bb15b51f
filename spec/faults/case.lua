-- A run of a scenario under a fault: it makes sockets, counts callbacks, notes
-- what arrives, and checks afterwards that completions and arrivals agree.
--
--   local case = Case.new()
--   local socket = case:socket { type = "udp4" }
--   if case:bind(socket, 0, "127.0.0.1") then case:burst(socket, 300) end
--   case:settle()    every callback came, and what went has arrived
--   case:prove()     the sockets still work; call it without faults
--   case:close()     all closed, each callback came exactly once
local dgram = require "dgram"
local helper = require "spec.support.helper"

local Case = {}
Case.__index = Case

function Case.new()
  return setmetatable({ sockets = {}, sent = {}, arrived = {}, pending = 0,
    errors = {} }, Case)
end

-- Fails unless a value is an error as the library documents them.
local function check_error(err)
  assert(type(err) == "table" and type(err.message) == "string"
    and type(err.code) == "string", "no error of ours: " .. tostring(err))
  return err
end

-- Makes a socket; its errors are noted.
function Case:socket(options) return self:adopt(dgram.createSocket(options)) end

-- Has a socket that was made elsewhere; its errors are noted.
function Case:adopt(socket)
  self.sockets[#self.sockets + 1] = socket
  socket:on("error", function(err)
    table.insert(self.errors, check_error(err).code)
    socket.failed = err
  end)
  socket:on("message", function(msg) table.insert(self.arrived, msg) end)
  return socket
end

-- Calls a method that may raise the system's error, and no other.
function Case.try(_, socket, method, ...)
  local ok, result = pcall(socket[method], socket, ...)
  if not ok then socket.failed = check_error(result) end
  return ok and result
end

-- Binds and waits for the outcome; returns whether it worked.
function Case:bind(socket, ...)
  local bound
  socket.target = { ... }
  socket.failed = nil
  socket:once("listening", function() bound = true end)
  if not self:try(socket, "bind", ...) then return false end
  helper.wait(function() return bound or socket.failed end)
  return bound
end

-- Connects and waits for the outcome; returns whether it worked.
function Case.connect(_, socket, port, address)
  local done, failure
  socket.failed = nil
  socket:connect(port, address, function(err) done, failure = true, err end)
  helper.wait(function() return done or socket.failed end)
  socket.failed = socket.failed or failure and check_error(failure)
  return done and not failure and not socket.failed
end

-- Sends a datagram and expects one completion on it, not before send returns.
function Case:send(socket, payload, ...)
  local entry = { payload = payload, completions = 0 }
  table.insert(self.sent, entry)
  self.pending = self.pending + 1
  local returned = false
  local arguments = { ... }
  arguments[#arguments + 1] = function(err, bytes)
    assert(returned, "the callback ran inside send")
    entry.completions = entry.completions + 1
    entry.err = err and check_error(err)
    entry.bytes = bytes
    self.pending = self.pending - 1
  end
  socket:send(payload, table.unpack(arguments))
  returned = true
end

-- Sends `count` datagrams of one size, numbered.
function Case:burst(socket, count, size, ...)
  local base = #self.sent
  for i = 1, count do
    local text = ("%06d:"):format(base + i)
    self:send(socket, text .. ("x"):rep(size - #text), ...)
  end
end

-- The payloads whose callbacks told success, in order.
local function delivered(self)
  local list = {}
  for _, entry in ipairs(self.sent) do
    if entry.completions > 0 and not entry.err then
      list[#list + 1] = entry.payload
    end
  end
  return list
end

-- Waits for every completion, and until what went has arrived.
function Case:settle()
  helper.wait(function() return self.pending == 0 end)
  local wanted = delivered(self)
  helper.wait(function() return #self.arrived >= #wanted end)
  for i = 1, math.max(#wanted, #self.arrived) do
    if wanted[i] ~= self.arrived[i] then
      error(("datagram %d: sent %s, arrived %s"):format(i,
        tostring(wanted[i]):sub(1, 16), tostring(self.arrived[i]):sub(1, 16)))
    end
  end
end

-- Binds a socket whose bind failed before; every other is left as it is.
local function bind_again(self, socket)
  if not (socket.target and socket.failed) or self:bound(socket) then return end
  assert(self:bind(socket, table.unpack(socket.target)),
    "a second bind fails: " .. tostring(socket.failed))
end

-- Tells whether a socket has an address.
function Case.bound(_, socket)
  local ok, address = pcall(socket.address, socket)
  return ok and (address.port or #address.address) ~= 0
end

-- A socket nothing has happened to, and where it can be reached.
local function witness(kind, path)
  local socket = dgram.createSocket(kind)
  if kind == "unix_dgram" then
    local name = path()
    socket:bindSync { path = name }
    return socket, { name }
  end
  local address = socket:bindSync { address = helper.LOOPBACK[kind] }
  return socket, { address.port, helper.LOOPBACK[kind] }
end

-- Sends a datagram to a witness; the witness answers if it knows where to.
local function prove(self, socket, path)
  bind_again(self, socket)
  if pcall(socket.remoteAddress, socket) then socket:disconnect() end
  local other, to = witness(socket.type, path)
  local before, heard = #self.arrived
  other:on("message", function(_, rinfo)
    heard = true
    if rinfo.port then other:send("proof", rinfo.port, rinfo.address)
    elseif rinfo.address ~= "" then other:send("proof", rinfo.address)
    else table.insert(self.arrived, "proof") end
  end)
  self:send(socket, "proof", table.unpack(to))
  helper.wait(function() return self.pending == 0 end)
  assert(not self.sent[#self.sent].err, tostring(self.sent[#self.sent].err))
  helper.wait(function() return heard end)
  helper.wait(function() return #self.arrived > before end)
  other:close()
end

-- Checks that every socket that is open is still usable.
function Case:prove(path)
  for _, socket in ipairs(self.sockets) do
    if not socket.closing then prove(self, socket, path) end
  end
end

-- Tells whether every socket has emitted 'close'.
local function all_closed(self)
  for _, socket in ipairs(self.sockets) do
    if not socket.gone then return false end
  end
  return true
end

-- Closes a socket of the case, unless that was done.
function Case.shut(_, socket)
  if socket.closing then return end
  socket.closing = true
  socket:close(function() socket.gone = true end)
end

-- Closes what is open and waits for 'close'; then every completion has come.
function Case:close()
  for _, socket in ipairs(self.sockets) do self:shut(socket) end
  helper.wait(function() return all_closed(self) end)
  for i, entry in ipairs(self.sent) do
    if entry.completions ~= 1 then
      error(("callback %d came %d times"):format(i, entry.completions))
    end
    if not entry.err then assert(entry.bytes == #entry.payload) end
  end
end

return Case
