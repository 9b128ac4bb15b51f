-- CoAP's wire format (RFC 7252, section 3): datagrams to messages and back.
--   { type = "CON", code = "0.01", id = 7, token = "ab",
--     options = { { 11, "sensors" }, { 11, "heat" } }, payload = "" }
-- An option is its number and its value; those of one number keep their order.
local coap = {}

-- The numbers of options (section 5.10; RFC 7641, section 2).
coap.HOST, coap.OBSERVE, coap.PORT, coap.PATH = 3, 6, 7, 11
coap.FORMAT, coap.ACCEPT = 12, 17

local TYPES = { [0] = "CON", "NON", "ACK", "RST" }
local NUMBERS = { CON = 0, NON = 1, ACK = 2, RST = 3 }

--- The number that the bytes of an option are, most significant first.
function coap.number(bytes)
  local n = 0
  for i = 1, #bytes do n = n * 256 + bytes:byte(i) end
  return n
end

--- The fewest bytes that are a number; none for 0 (section 3.2).
function coap.bytes(n)
  local bytes = ""
  while n > 0 do
    bytes = string.char(n % 256) .. bytes
    n = math.floor(n / 256)
  end
  return bytes
end

--- The values of a message's options of one number, in a list.
function coap.values(message, number)
  local list = {}
  for _, option in ipairs(message.options) do
    if option[1] == number then list[#list + 1] = option[2] end
  end
  return list
end

--- Whether a message has a critical option, which is an odd one, that is not in
--- `known`, which tells how often each may come and with how many bytes at most.
function coap.has_bad_option(message, known)
  local times = {}
  for _, option in ipairs(message.options) do
    local number, value = option[1], option[2]
    local limits = known[number] or { 0, 0 }
    times[number] = (times[number] or 0) + 1
    if number % 2 == 1 and (times[number] > limits[1] or #value > limits[2]) then
      return true
    end
  end
  return false
end

-- A delta or a length: what its four bits say, and how many bytes behind `at` say
-- the rest; nil for the reserved 15 and for bytes that are not there.
local function extended(datagram, nibble, at)
  local bytes = nibble == 13 and 1 or nibble == 14 and 2 or 0
  if nibble == 15 or at + bytes - 1 > #datagram then return nil end
  local more = coap.number(datagram:sub(at, at + bytes - 1))
  return bytes == 2 and more + 269 or bytes == 1 and more + 13 or nibble, at + bytes
end

-- Reads the option at a byte; returns number, value, and the byte behind it.
local function read_option(datagram, at, number)
  local first = datagram:byte(at)
  local delta, length
  delta, at = extended(datagram, math.floor(first / 16), at + 1)
  if not delta then return nil end
  length, at = extended(datagram, first % 16, at)
  if not length or at + length - 1 > #datagram then return nil end
  if number + delta > 65535 then return nil end
  return number + delta, datagram:sub(at, at + length - 1), at + length
end

-- Reads the options from a byte to the payload's marker or the end; returns them and
-- the payload.
local function read_options(datagram, at)
  local options, number, value = {}, 0
  while at <= #datagram and datagram:byte(at) ~= 255 do
    number, value, at = read_option(datagram, at, number)
    if not number then return nil end
    options[#options + 1] = { number, value }
  end
  if at == #datagram then return nil end -- a marker without a payload
  return options, datagram:sub(at + 1)
end

--- Reads a datagram. Returns nil and why it is no message; then, if it is a broken
--- message that wants a reset (section 4.2), the id of that.
function coap.decode(datagram)
  local first, code, high, low = datagram:byte(1, 4)
  if not low then return nil, "too short" end
  if math.floor(first / 64) ~= 1 then return nil, "another version" end
  local message = {
    type = TYPES[math.floor(first / 16) % 4],
    code = ("%d.%02d"):format(math.floor(code / 32), code % 32),
    id = high * 256 + low,
  }
  local length, broken = first % 16, message.type == "CON" and message.id or nil
  if length > 8 then return nil, "a token too long", broken end
  if code == 0 and #datagram > 4 then return nil, "more than empty", broken end
  if #datagram < 4 + length then return nil, "a token cut short", broken end
  message.token = datagram:sub(5, 4 + length)
  message.options, message.payload = read_options(datagram, 5 + length)
  if not message.options then return nil, "a broken option", broken end
  return message
end

-- The four bits of a delta or a length, and its other bytes.
local function extend(n)
  if n < 13 then return n, "" end
  if n < 269 then return 13, string.char(n - 13) end
  return 14, string.char(math.floor((n - 269) / 256), (n - 269) % 256)
end

--- The datagram of a message; token, options and payload may be left out.
function coap.encode(message)
  local token, payload = message.token or "", message.payload or ""
  local class, detail = message.code:match("^(%d)%.(%d%d)$")
  local options, parts, last = {}, {}, 0
  for i, option in ipairs(message.options or {}) do
    options[i] = { option[1], option[2], i }
  end
  table.sort(options, function(a, b)
    return a[1] < b[1] or a[1] == b[1] and a[3] < b[3]
  end)
  for i, option in ipairs(options) do
    local delta, more = extend(option[1] - last)
    local length, rest = extend(#option[2])
    parts[i] = string.char(delta * 16 + length) .. more .. rest .. option[2]
    last = option[1]
  end
  return string.char(64 + NUMBERS[message.type] * 16 + #token, class * 32 + detail,
    math.floor(message.id / 256), message.id % 256) .. token .. table.concat(parts)
    .. (payload == "" and "" or "\255" .. payload)
end

return coap
