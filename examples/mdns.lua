-- The group of mDNS (RFC 6762), over IPv4 and IPv6, whichever there is, on every
-- interface at the time when it is joined; for mdns_publish.lua and mdns_browse.lua.
--
--   local group = mdns.join(function(message, rinfo) ... end)
--   group:tell { questions = { { name = "_http._tcp.local", type = "PTR" } } }
--   group:close()
--
-- The function is called in a coroutine of its own for each DNS message that comes
-- (dns.lua), our own ones too.
local dgram = require "dgram"
local dns = require "dns"
local uv = require "luv"

local ADDRESSES = { udp4 = "224.0.0.251", udp6 = "ff02::fb" }

local mdns = {
  PORT = 5353,
  UNIQUE = 32769, -- a record's class: IN, and nobody else has one of this kind
  UNICAST = 32769, -- a question's: IN, and answer me alone
  LONG = 4500, SHORT = 120, -- seconds; what depends on an address changes sooner
}

-- What a machine without a family says.
local LACKING = { ENODEV = true, EAFNOSUPPORT = true, EADDRNOTAVAIL = true }

local Group = {}
Group.__index = Group

--- Returns the addresses of each interface but loopback, by its name.
function mdns.interfaces()
  local found = {}
  for name, addresses in pairs(uv.interface_addresses()) do
    if not addresses[1].internal then found[name] = addresses end
  end
  return found
end

-- Puts a socket into the group.
local function enter(socket, address)
  socket:bindSync { port = mdns.PORT }
  socket:addMembership(address, "*")
  socket:setMulticastTTL(255)
  socket:setTTL(255)
end

-- Opens a socket of the group; nil and the error if the machine lacks the family. Others
-- on this host have the port, too.
local function open(kind, hear)
  local socket = dgram.createSocket { type = kind, reuseAddr = true, multicastAll = false,
    ipv6Only = kind == "udp6", recvInfo = { "localAddress", "interface" } }
  socket:on("message", dgram.async(function(datagram, rinfo)
    local message = dns.decode(datagram)
    if message and message.opcode == 0 then hear(message, rinfo) end
  end))
  local ok, err = pcall(enter, socket, ADDRESSES[kind])
  if ok then return socket end
  socket:close()
  if not LACKING[err.code] then error(err, 0) end
  return nil, err
end

--- Returns the records of a host's addresses on an interface.
function mdns.addresses(host, interface)
  local records = {}
  for _, address in ipairs(mdns.interfaces()[interface] or {}) do
    records[#records + 1] = { name = host, type = address.family == "inet" and "A" or "AAAA",
      class = mdns.UNIQUE, ttl = mdns.SHORT, address = address.ip:match("^[^%%]+") }
  end
  return records
end

--- Returns whether two records say the same.
function mdns.same(a, b)
  for _, field in ipairs { "type", "target", "port", "address" } do
    if a[field] ~= b[field] then return false end
  end
  return a.name:lower() == b.name:lower()
    and table.concat(a.texts or {}, "\0") == table.concat(b.texts or {}, "\0")
end

--- Returns whether a response gives the name of a record of ours to another.
function mdns.contradicts(response, record)
  for _, other in ipairs(response.answers) do
    if other.type == record.type and other.name:lower() == record.name:lower()
      and not mdns.same(other, record) then return true end
  end
  return false
end

--- Returns whether a query asks for a record, and does not know it already.
function mdns.wants(query, record)
  for _, known in ipairs(query.answers) do
    if known.ttl >= record.ttl / 2 and mdns.same(known, record) then return false end
  end
  for _, question in ipairs(query.questions) do
    if question.name:lower() == record.name:lower()
      and (question.type == record.type or question.type == "ANY") then return true end
  end
  return false
end

--- Joins the group; hear(message, rinfo) is told what comes.
function mdns.join(hear)
  local group = setmetatable({ sockets = {} }, Group)
  local err
  for kind in pairs(ADDRESSES) do
    group.sockets[kind], err = open(kind, hear)
  end
  if not next(group.sockets) then error(err, 0) end
  return group
end

--- Tells the group a message, by one interface or by all; nothing once it is closed.
--- An interface that lacks IPv4 or IPv6 has it from the other.
function Group:tell(message, interface)
  local text = dns.encode(message)
  for name in pairs(interface and { [interface] = true } or mdns.interfaces()) do
    for kind, socket in pairs(self.sockets) do
      socket:send(text, mdns.PORT, ADDRESSES[kind], { interface = name })
    end
  end
end

--- Answers the sender of a message alone.
function Group:reply(message, rinfo)
  local socket = self.sockets[rinfo.family == "IPv4" and "udp4" or "udp6"]
  if socket and rinfo.port > 0 then socket:reply(dns.encode(message), rinfo) end
end

--- Leaves the group; what was told goes out.
function Group:close()
  for _, socket in pairs(self.sockets) do socket:close() end
  self.sockets = {}
end

return mdns
