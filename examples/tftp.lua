-- TFTP's wire format (RFC 1350, RFC 2347), and its text files ("netascii").
local tftp = { RRQ = 1, WRQ = 2, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 }

--- DATA with its block, or an ACK: two bytes each of opcode and number, then the rest.
function tftp.packet(opcode, number, rest)
  return string.char(0, opcode, math.floor(number / 256), number % 256) .. (rest or "")
end

--- An ERROR, which ends a transfer.
function tftp.error(code, text)
  return tftp.packet(tftp.ERROR, code, text .. "\0")
end

--- An OACK: the options that are accepted, as a list of names and values.
function tftp.oack(list)
  return "\0\6" .. table.concat(list, "\0") .. "\0"
end

--- Opcode, number and rest of DATA, ACK and ERROR; nil for what is none.
function tftp.parse(datagram)
  local zero, opcode, high, low = datagram:byte(1, 4)
  if not low or zero ~= 0 or opcode < tftp.DATA or opcode > tftp.ERROR then return nil end
  return opcode, high * 256 + low, datagram:sub(5)
end

--- A request: { opcode =, name =, mode =, options = { { name, value }, … } }, names in
--- lower case; nil for what is none.
function tftp.request(datagram)
  local zero, opcode = datagram:byte(1, 2)
  if zero ~= 0 or opcode ~= tftp.RRQ and opcode ~= tftp.WRQ then return nil end
  if datagram:byte(-1) ~= 0 then return nil end
  local texts, at = {}, 3
  while at <= #datagram do
    local stop = datagram:find("\0", at, true)
    texts[#texts + 1], at = datagram:sub(at, stop - 1), stop + 1
  end
  if #texts < 2 or #texts % 2 == 1 then return nil end
  local options = {}
  for i = 3, #texts, 2 do options[#options + 1] = { texts[i]:lower(), texts[i + 1] } end
  return { opcode = opcode, name = texts[1], mode = texts[2]:lower(), options = options }
end

--- The number that a text is, nil if it is none within these limits.
function tftp.integer(text, least, most)
  local n = text:find("^%d+$") and #text < 16 and tonumber(text)
  return n and n >= least and n <= most and n or nil
end

local TO_NETASCII = { ["\n"] = "\r\n", ["\r"] = "\r\0" }
local FROM_NETASCII = { ["\n"] = "\n", ["\0"] = "\r" }

-- Leaves text as it is.
local function same(text) return text end

--- A function that makes the blocks of a mode of text that it is given in pieces: of
--- "netascii", of "octet"; nil for another mode.
function tftp.encoder(mode)
  if mode == "octet" then return same end
  return mode == "netascii" and function(text)
    return (text:gsub("[\r\n]", TO_NETASCII))
  end or nil
end

--- The other way: a function that makes text of blocks. It is called without one at
--- the end.
function tftp.decoder(mode)
  if mode == "octet" then return function(block) return block or "" end end
  local held = "" -- a CR whose other half is in the next block
  return function(block)
    local text = held .. (block or "")
    held = block and text:match("\r$") or ""
    return (text:sub(1, #text - #held):gsub("\r(.)", FROM_NETASCII))
  end
end

return tftp
