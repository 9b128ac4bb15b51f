-- DNS messages (RFC 1035, with AAAA, SRV and EDNS: RFC 3596, 2782, 6891) as tables, for
-- dns_server.lua, resolver.lua and mdns.lua. It knows no socket.
--
--   local query = dns.encode { id = 7, recursionDesired = true,
--     questions = { { name = "www.example.org", type = "AAAA" } },
--     edns = { size = 1232 } }
--   local message, err, header = dns.decode(datagram)
--
-- A message has `id`, `opcode` (a number), `rcode` (a name), the booleans `response`,
-- `authoritative`, `truncated`, `recursionDesired`, `recursionAvailable`, the arrays
-- `questions`, `answers`, `authorities`, `additionals`, and `edns`, if it has an OPT
-- record: `size` (bytes the sender can take), `version`, `flags`, `options` (bytes).
-- A record has `name`, `type`, `class`, `ttl`, and the fields that its type has below;
-- of a type that is not there, `type` is a number and `data` has the bytes. A dot or
-- a backslash within a label is spelt `\.`, `\\`; a control character `\007`.
local dns = {}

local byte, char, floor, concat = string.byte, string.char, math.floor, table.concat

-- Tells that a datagram is no DNS message: decode catches it.
local function malformed(why) error("malformed: " .. why, 0) end

-- ------------------------------------------------------------------ numbers

-- Reads a number of some bytes; returns it and the place behind it.
local function number(text, at, size)
  local value = 0
  for i = at, at + size - 1 do
    value = value * 256 + (byte(text, i) or malformed "it ends early")
  end
  return value, at + size
end

-- The bytes of a number.
local function bytes(value, size)
  local text = ""
  for _ = 1, size do
    text, value = char(value % 256) .. text, floor(value / 256)
  end
  return text
end

-- Cuts some bytes out; returns them and the place behind them.
local function cut(text, at, size)
  if at + size - 1 > #text then malformed "it ends early" end
  return text:sub(at, at + size - 1), at + size
end

-- -------------------------------------------------------------------- names

-- How a label is spelt.
local function spell(label)
  return (label:gsub("[%c.\\]", function(c)
    return (c == "." or c == "\\") and "\\" .. c or ("\\%03d"):format(byte(c))
  end))
end

-- Reads a name; returns it and the place behind it. A pointer must lead to before the
-- name that has it, so there is no loop; more than there may be labels are for harm.
local function read_name(text, at)
  local labels, total, hops, limit, behind = {}, 1, 0, at, nil
  while true do
    local size = number(text, at, 1)
    if size >= 192 then
      local target = number(text, at, 2) - 192 * 256 + 1
      hops, behind = hops + 1, behind or at + 2
      if target >= limit or hops > 127 then malformed "a pointer leads astray" end
      at, limit = target, target
    elseif size >= 64 then
      malformed "a label has no known kind"
    elseif size == 0 then
      return concat(labels, "."), behind or at + 1
    else
      total = total + size + 1
      if total > 255 then malformed "a name is too long" end
      local label
      label, at = cut(text, at + 1, size)
      labels[#labels + 1] = spell(label)
    end
  end
end

-- A name as it is sent, without compression. Raises an error when it is none.
local function wire(name)
  local text, rest = "", name:gsub("\\(%D)", function(c)
    return ("\\%03d"):format(byte(c))
  end):gsub("%.$", "")
  if rest == "" then return "\0" end
  for spelled in (rest .. "."):gmatch("(.-)%.") do
    local label = spelled:gsub("\\(%d%d%d)", char)
    assert(#label > 0 and #label < 64, "this is no name: " .. name)
    text = text .. char(#label) .. label
  end
  assert(#text < 255, "this is no name: " .. name)
  return text .. "\0"
end

-- Writes a name; an end of it that was written before becomes a pointer there.
local function write_name(out, name)
  local text, at = wire(name), 1
  while byte(text, at) > 0 do
    local rest, size = text:sub(at), byte(text, at) + 1
    if out.known[rest] then return out:add(bytes(192 * 256 + out.known[rest], 2)) end
    if out.size < 16384 then out.known[rest] = out.size end
    out:add(rest:sub(1, size))
    at = at + size
  end
  out:add "\0"
end

-- ---------------------------------------------------------------- addresses

-- The four bytes of an IPv4 address, nil if it is none.
local function v4(address)
  local text = ""
  for part in address:match("^%d+%.%d+%.%d+%.%d+$") and address:gmatch("%d+") or pairs {} do
    if tonumber(part) > 255 then return nil end
    text = text .. char(tonumber(part))
  end
  return #text == 4 and text or nil
end

-- The bytes of groups of an IPv6 address.
local function groups(text)
  return (text:gsub("(%x+):?", function(group) return bytes(tonumber(group, 16), 2) end))
end

-- The sixteen bytes of an IPv6 address, nil if it is none.
local function v6(address)
  for _, wrong in ipairs { "[^%x:]", "%x%x%x%x%x", "^:[^:]", "[^:]:$", "::.*::", ":::" } do
    if address:find(wrong) then return nil end
  end
  local head, tail = address:match("^(.-)::(.*)$")
  local front, back = groups(head or address), groups(tail or "")
  local zeros = head and 16 - #front - #back or 0
  local text = front .. ("\0"):rep(zeros) .. back
  return #text == 16 and zeros >= 0 and text or nil
end

-- How an IPv6 address is spelt (RFC 5952).
local function spell_v6(text)
  local parts = {}
  for i = 1, 16, 2 do parts[#parts + 1] = ("%x"):format(number(text, i, 2)) end
  local spelt, longest = ":" .. concat(parts, ":") .. ":", ":0:"
  for run in spelt:gmatch(":0:[0:]*") do
    if #run > #longest then longest = run end
  end
  if #longest > 3 then spelt = spelt:gsub(longest, "::", 1) end
  return (spelt:gsub("^:([^:])", "%1"):gsub("([^:]):$", "%1"))
end

-- -------------------------------------------------------------------- types

-- A type whose data are fields: read(record, text, at) fills them in and returns the
-- place behind them; write(out, record).
local function name_data(field)
  return function(record, text, at)
    record[field], at = read_name(text, at)
    return at
  end, function(out, record) write_name(out, record[field]) end
end

local TYPES = {} -- by name and by number

local function define(code, name, read, write)
  TYPES[name] = { name = name, code = code, read = read, write = write }
  TYPES[code] = TYPES[name]
end

define(1, "A", function(record, text, at)
  local address, behind = cut(text, at, 4)
  record.address = ("%d.%d.%d.%d"):format(byte(address, 1, 4))
  return behind
end, function(out, record) out:add(assert(v4(record.address), "no IPv4 address")) end)

define(28, "AAAA", function(record, text, at)
  local address, behind = cut(text, at, 16)
  record.address = spell_v6(address)
  return behind
end, function(out, record) out:add(assert(v6(record.address), "no IPv6 address")) end)

define(2, "NS", name_data "target")
define(5, "CNAME", name_data "target")
define(12, "PTR", name_data "target")

define(16, "TXT", function(record, text, at, last) -- `texts`: an array of strings
  record.texts = {}
  repeat
    local size = number(text, at, 1)
    record.texts[#record.texts + 1], at = cut(text, at + 1, size)
  until at > last
  return at
end, function(out, record)
  for _, text in ipairs(record.texts) do
    assert(#text < 256, "a text is too long")
    out:add(char(#text) .. text)
  end
end)

define(33, "SRV", function(record, text, at)
  for _, field in ipairs { "priority", "weight", "port" } do
    record[field], at = number(text, at, 2)
  end
  record.target, at = read_name(text, at)
  return at
end, function(out, record)
  for _, field in ipairs { "priority", "weight", "port" } do
    out:add(bytes(record[field] or 0, 2))
  end
  out:add(wire(record.target))
end)

local SOA = { "serial", "refresh", "retry", "expire", "minimum" }
define(6, "SOA", function(record, text, at)
  record.server, at = read_name(text, at)
  record.mailbox, at = read_name(text, at)
  for _, field in ipairs(SOA) do record[field], at = number(text, at, 4) end
  return at
end, function(out, record)
  write_name(out, record.server)
  write_name(out, record.mailbox)
  for _, field in ipairs(SOA) do out:add(bytes(record[field], 4)) end
end)

define(41, "OPT")
define(255, "ANY")

local RCODES = { [0] = "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
  [16] = "BADVERS" }
local RCODE_NUMBERS = {}
for code, name in pairs(RCODES) do RCODE_NUMBERS[name] = code end

-- The code of a type that is given by its name or its number.
local function code_of(kind)
  return TYPES[kind] and TYPES[kind].code or assert(tonumber(kind), "no such type")
end

-- ----------------------------------------------------------------- decoding

-- Reads what questions and records begin with; returns it and the place behind it.
local function read_head(text, at)
  local entry, code = {}
  entry.name, at = read_name(text, at)
  code, at = number(text, at, 2)
  entry.class, at = number(text, at, 2)
  entry.type = TYPES[code] and TYPES[code].name or code
  return entry, at
end

local function read_record(text, at)
  local record, size
  record, at = read_head(text, at)
  record.ttl, at = number(text, at, 4)
  size, at = number(text, at, 2)
  local data, behind = cut(text, at, size)
  local read = TYPES[record.type] and TYPES[record.type].read
  if not read then
    record.data = data
  elseif read(record, text, at, behind - 1) ~= behind then
    malformed "the length of a record lies"
  end
  return record, behind
end

-- Takes the OPT record out of the additional records: it is about the message.
local function take_edns(message)
  for i = #message.additionals, 1, -1 do
    local record = message.additionals[i]
    if record.type == "OPT" then
      if message.edns or record.name ~= "" then malformed "more than one OPT" end
      table.remove(message.additionals, i)
      message.edns = { size = record.class, version = floor(record.ttl / 65536) % 256,
        flags = record.ttl % 65536, options = record.data }
      message.rcode = message.rcode + floor(record.ttl / 16777216) * 16
    end
  end
end

local SECTIONS = { "questions", "answers", "authorities", "additionals" }

local function read_header(text)
  local header, flags = {}, number(text, 3, 2)
  header.id = number(text, 1, 2)
  local function flag(bit) return floor(flags / bit) % 2 == 1 end
  header.response, header.authoritative = flag(32768), flag(1024)
  header.truncated = flag(512)
  header.recursionDesired, header.recursionAvailable = flag(256), flag(128)
  header.opcode, header.rcode = floor(flags / 2048) % 16, flags % 16
  number(text, 5, 8)
  return header
end

local function read_body(text, message)
  local at = 13
  for i, section in ipairs(SECTIONS) do
    message[section] = {}
    for j = 1, number(text, 3 + 2 * i, 2) do
      message[section][j], at = (i == 1 and read_head or read_record)(text, at)
    end
  end
  take_edns(message)
end

--- Returns the message that a datagram has; or nil, why there is none, and its header,
--- if it has one. What follows the message is ignored.
function dns.decode(text)
  local ok, message = pcall(read_header, text)
  if not ok then return nil, message end
  local good, err = pcall(read_body, text, message)
  message.rcode = RCODES[message.rcode] or message.rcode
  if good then return message end
  return nil, err, message
end

-- ----------------------------------------------------------------- encoding

local Out = {}
Out.__index = Out

function Out:add(text)
  self[#self + 1] = text
  self.size = self.size + #text
end

local function write_head(out, entry)
  write_name(out, entry.name)
  out:add(bytes(code_of(entry.type), 2) .. bytes(entry.class or 1, 2))
end

local function write_record(out, record)
  write_head(out, record)
  out:add(bytes(record.ttl or 0, 4) .. "\0\0")
  local length, from = #out, out.size
  local kind = TYPES[record.type]
  if kind and kind.write then kind.write(out, record) else out:add(record.data) end
  out[length] = out[length]:sub(1, 4) .. bytes(out.size - from, 2)
end

local function write_header(out, message)
  local code = RCODE_NUMBERS[message.rcode or "NOERROR"] or message.rcode
  local flags = (message.opcode or 0) * 2048 + code % 16
  for field, bit in pairs { response = 32768, authoritative = 1024, truncated = 512,
    recursionDesired = 256, recursionAvailable = 128 } do
    if message[field] then flags = flags + bit end
  end
  out:add(bytes(message.id or 0, 2) .. bytes(flags, 2))
  for i, section in ipairs(SECTIONS) do
    local extra = i == 4 and message.edns and 1 or 0
    out:add(bytes(#(message[section] or {}) + extra, 2))
  end
  return floor(code / 16)
end

local function write(message)
  local out = setmetatable({ size = 0, known = {} }, Out)
  local extended, edns = write_header(out, message), message.edns
  for i, section in ipairs(SECTIONS) do
    for _, entry in ipairs(message[section] or {}) do
      (i == 1 and write_head or write_record)(out, entry)
    end
  end
  if edns then
    write_record(out, { name = "", type = "OPT", class = edns.size, data = edns.options or "",
      ttl = extended * 16777216 + (edns.version or 0) * 65536 + (edns.flags or 0) })
  end
  return concat(out)
end

--- Returns a message as a datagram of at most `limit` bytes: one that is larger keeps
--- no records, and says so (`truncated`; RFC 2181, 9). Raises an error when a name, an
--- address or a text is none.
function dns.encode(message, limit)
  local text = write(message)
  if #text <= (limit or 65535) then return text end
  local short = { truncated = true }
  for _, field in ipairs { "id", "response", "opcode", "authoritative", "recursionDesired",
    "recursionAvailable", "rcode", "questions", "edns" } do
    short[field] = message[field]
  end
  return write(short)
end

return dns
