-- DHCP's wire format (RFC 2131, section 2; RFC 2132), as far as an Ethernet's addresses
-- are given away: messages to tables and back. An address is a text, "10.7.0.1".
local dhcp = { REQUEST = 1, REPLY = 2, NOWHERE = "0.0.0.0" } -- what `op` is; no address

local COOKIE = "\99\130\83\99"
local KINDS = { "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE",
  "INFORM" }
local CODES = {}
for code, kind in ipairs(KINDS) do CODES[kind] = code end

-- How the values of options are written, and read; nil for what is none.
local address, seconds, kind, bytes = {}, {}, {}, {}

function address.write(text)
  return (text:gsub("(%d+)%.?", function(n) return string.char(n) end))
end

function address.read(four)
  return #four == 4 and ("%d.%d.%d.%d"):format(four:byte(1, 4)) or nil
end

function seconds.write(n)
  return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256,
    math.floor(n / 256) % 256, n % 256)
end

function seconds.read(four)
  if #four ~= 4 then return nil end
  local a, b, c, d = four:byte(1, 4)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

function kind.write(name) return string.char(CODES[name]) end

function kind.read(code) return #code == 1 and KINDS[code:byte()] or nil end

function bytes.write(text) return text end

bytes.read = bytes.write

-- The options that a message has as fields; the others are passed over.
local OPTIONS = {
  { code = 53, name = "kind", codec = kind },
  { code = 54, name = "server", codec = address },
  { code = 50, name = "requested", codec = address },
  { code = 51, name = "lease", codec = seconds },
  { code = 1, name = "mask", codec = address },
  { code = 3, name = "router", codec = address },
  { code = 61, name = "client", codec = bytes },
}

-- Cuts the options apart, code to content; nil if they are longer than the message.
local function split(msg)
  local contents, at = {}, 241
  while at <= #msg and msg:byte(at) ~= 255 do
    local code, length = msg:byte(at, at + 1)
    if code == 0 then length = -1 end -- padding is one byte
    if not length or at + 1 + length > #msg then return nil end
    local content = msg:sub(at + 2, at + 1 + length)
    contents[code] = (contents[code] or "") .. content -- in pieces: RFC 3396
    at = at + 2 + length
  end
  return contents
end

--- Reads a message; nil if it is none, or an option is not what it has to be.
--- @return { op, kind ("DISCOVER"), xid, flags, chaddr (bytes), ciaddr, yiaddr, giaddr
--- (addresses) }, and as far as they came server, requested, mask, router (addresses),
--- lease (seconds), client (bytes)
function dhcp.decode(msg)
  local contents = #msg >= 240 and msg:find("^[\1\2]\1\6") and msg:sub(237, 240) == COOKIE
    and split(msg)
  if not contents then return nil end
  local message = { op = msg:byte(1), xid = msg:sub(5, 8), flags = msg:sub(11, 12),
    ciaddr = address.read(msg:sub(13, 16)), yiaddr = address.read(msg:sub(17, 20)),
    giaddr = address.read(msg:sub(25, 28)), chaddr = msg:sub(29, 44) }
  for _, option in ipairs(OPTIONS) do
    local content = contents[option.code]
    local value = content and option.codec.read(content)
    if content and not value then return nil end
    message[option.name] = value
  end
  return message.kind and message
end

--- Writes a message, of 300 bytes at least, as BOOTP has it; what is left out is zero.
function dhcp.encode(message)
  local function place(name) return address.write(message[name] or dhcp.NOWHERE) end
  local parts = { string.char(message.op) .. "\1\6\0" .. message.xid .. "\0\0"
    .. (message.flags or "\0\0") .. place "ciaddr" .. place "yiaddr" .. place "siaddr"
    .. place "giaddr" .. message.chaddr .. ("\0"):rep(16 - #message.chaddr + 192) .. COOKIE }
  for _, option in ipairs(OPTIONS) do
    local value = message[option.name]
    local content = value and option.codec.write(value)
    if content then parts[#parts + 1] = string.char(option.code, #content) .. content end
  end
  local msg = table.concat(parts) .. "\255"
  return msg .. ("\0"):rep(300 - #msg)
end

return dhcp
