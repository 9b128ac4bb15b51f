-- NTP's wire format, as far as SNTP needs it (RFC 5905, section 7.3; RFC 4330): packets
-- to tables and back. A time is in seconds since 1970, as a float: to 0.24 µs.
local uv = require "luv"

local ntp = { CLIENT = 3, SERVER = 4 }

local EPOCH, ERA = 2208988800, 4294967296 -- 1900 to 1970; when 32 bits begin anew

--- The time, to the microsecond.
function ntp.now()
  local seconds, microseconds = uv.gettimeofday()
  return seconds + microseconds / 1000000
end

-- The four bytes of a whole number.
local function bytes(n)
  return string.char(math.floor(n / 16777216), math.floor(n / 65536) % 256,
    math.floor(n / 256) % 256, n % 256)
end

-- The whole number that four bytes are.
local function number(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

--- The eight bytes of a time.
function ntp.timestamp(time)
  local seconds = math.floor(time)
  return bytes((seconds + EPOCH) % ERA) .. bytes(math.floor((time - seconds) * ERA))
end

-- The time that eight bytes are: of the many, 136 years apart, the one nearest to now.
local function time(text, at, now)
  local seconds = number(text, at) - EPOCH
  seconds = seconds + ERA * math.floor((now - seconds) / ERA + 0.5)
  return seconds + number(text, at + 4) / ERA
end

--- Reads a packet; nil if it is none. What follows its 48 bytes (extensions, a key)
--- is passed over.
--- @return { leap, version, mode, stratum, poll, reference, originate (bytes),
--- transmit (bytes), received, sent (times) }
function ntp.decode(packet, now)
  if #packet < 48 then return nil end
  local first, stratum, poll = packet:byte(1, 3)
  return { leap = math.floor(first / 64), version = math.floor(first / 8) % 8,
    mode = first % 8, stratum = stratum, poll = poll, reference = packet:sub(13, 16),
    originate = packet:sub(25, 32), transmit = packet:sub(41, 48),
    received = time(packet, 33, now), sent = time(packet, 41, now) }
end

--- A packet of `version`, `mode`, and for a server `stratum`, `poll`, `reference`, the
--- bytes `originate`, the times `received` and `set`; `transmit` are bytes. The root is
--- within a millisecond, the precision a microsecond.
function ntp.encode(fields)
  local server = fields.mode == ntp.SERVER
  return string.char(fields.version * 8 + fields.mode, fields.stratum or 0,
      fields.poll or 0, server and 236 or 0) -- 2^-20 s
    .. bytes(0) .. bytes(server and 66 or 0) -- 66 / 65536 s
    .. (fields.reference or bytes(0))
    .. (fields.set and ntp.timestamp(fields.set) or bytes(0):rep(2))
    .. (fields.originate or bytes(0):rep(2))
    .. (fields.received and ntp.timestamp(fields.received) or bytes(0):rep(2))
    .. fields.transmit
end

return ntp
