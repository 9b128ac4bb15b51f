-- One transfer of TFTP (RFC 1350) on a socket of its own, in a coroutine: each packet
-- is sent again until the client has answered it.
--   local transfer = Transfer.new(socket, rinfo) -- of the request
--   transfer.size, transfer.timeout, transfer.mode = 1428, 2000, "octet"
--   transfer:send(file)
local tftp = require "tftp"
local uv = require "luv"

local TRIES, MAX_SIZE = 5, 64 * 1024 * 1024 -- bytes of a file that is taken

local Transfer = {}
Transfer.__index = Transfer

--- A transfer with what RFC 1350 has: blocks of 512 bytes, no options.
function Transfer.new(socket, client)
  return setmetatable({ socket = socket, client = client, mode = "octet", size = 512,
    timeout = 1000 }, Transfer)
end

--- Tells the client why there is no transfer; returns nothing.
function Transfer:refuse(code, text)
  self.socket:reply(tftp.error(code, text), self.client)
end

-- Hears a packet; returns it if it is the client's, and tells others that they err.
local function hear(self, ms)
  local msg, from = self.socket:receive(math.max(0, ms))
  if not msg then return nil end
  if from.port == self.client.port and from.address == self.client.address then
    return msg
  end
  if from.port > 0 then
    self.socket:reply(tftp.error(5, "Unknown transfer ID"), from)
  end
  return ""
end

-- Sends a packet, again after each timeout, until the client answers with this opcode
-- and number; returns the rest of the answer, nil when he ends it or is gone. An older
-- ACK is passed over: to answer it would double all packets from then on (RFC 1123,
-- 4.2.3.1). Older DATA is confirmed again.
local function exchange(self, packet, wanted, number)
  for _ = 1, TRIES do
    local deadline = uv.now() + self.timeout
    self.socket:reply(packet, self.client)
    repeat
      local msg = hear(self, deadline - uv.now())
      local opcode, n, rest = tftp.parse(msg or "")
      if opcode == wanted and n == number then return rest end
      if opcode == tftp.ERROR then return nil end
      if wanted == tftp.DATA and opcode == wanted then
        self.socket:reply(packet, self.client)
      end
    until not msg or uv.now() >= deadline
  end
end

--- Hands an open file out, block by block; the last is shorter, if need be empty.
function Transfer:send(file, oack)
  if oack and not exchange(self, oack, tftp.ACK, 0) then return end
  local encode, buffer, at, number = tftp.encoder(self.mode), "", 0, 0
  local chunk, more
  repeat
    while #buffer < self.size and chunk ~= "" do
      chunk = uv.fs_read(file, self.size, at)
      if not chunk then return self:refuse(0, "Cannot read the file") end
      at, buffer = at + #chunk, buffer .. encode(chunk)
    end
    number, more = (number + 1) % 65536, #buffer >= self.size
    local packet = tftp.packet(tftp.DATA, number, buffer:sub(1, self.size))
    buffer = buffer:sub(self.size + 1)
  until not exchange(self, packet, tftp.ACK, number) or not more
end

-- Repeats the last ACK for a client that has not heard it.
local function linger(self, packet)
  for _ = 1, TRIES do
    self.socket:reply(packet, self.client)
    if not hear(self, self.timeout) then return end
  end
end

--- Takes a file and writes it to an open one; returns whether all of it has come.
function Transfer:take(file, oack)
  local answer, decode = oack or tftp.packet(tftp.ACK, 0), tftp.decoder(self.mode)
  local number, at, last = 0, 0, false
  while not last do
    number = (number + 1) % 65536
    local block = exchange(self, answer, tftp.DATA, number)
    if not block or #block > self.size then return false end
    last = #block < self.size
    local text = decode(block) .. (last and decode() or "")
    if at + #text > MAX_SIZE or uv.fs_write(file, text, at) ~= #text then
      self:refuse(3, "Disk full")
      return false
    end
    at, answer = at + #text, tftp.packet(tftp.ACK, number)
  end
  linger(self, answer)
  return true
end

return Transfer
