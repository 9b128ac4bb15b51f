-- A name server for one zone (RFC 1035, 2308, 6891), over IPv4 and IPv6, on every
-- address: it answers from the one that was asked. An answer that is larger than the
-- client takes is truncated (TC); there is no TCP to ask again by. Ends with Ctrl-C.
--   lua5.4 examples/dns_server.lua [PORT]
--   dig -p 5300 @127.0.0.1 www.example.test AAAA
package.path = (arg[0]:match("^.*/") or "") .. "?.lua;" .. package.path
local dgram = require "dgram"
local dns = require "dns"
local uv = require "luv"

local port = arg[1] or 5300

local SIZE = 1232 -- bytes of an answer that no path fragments
local ORIGIN, TTL = "example.test", 300

-- The records of each name, in lower case.
local zone = {
  ["example.test"] = {
    { type = "SOA", server = "ns.example.test", mailbox = "hostmaster.example.test",
      serial = 1, refresh = 3600, retry = 600, expire = 86400, minimum = 60, ttl = 60 },
    { type = "NS", target = "ns.example.test" },
    { type = "TXT", texts = { "a zone", "for examples" } },
  },
  ["ns.example.test"] = { { type = "A", address = "127.0.0.1" } },
  ["www.example.test"] = {
    { type = "A", address = "192.0.2.1" },
    { type = "A", address = "192.0.2.2" },
    { type = "AAAA", address = "2001:db8::1" },
  },
  ["v6.example.test"] = { { type = "AAAA", address = "2001:db8::6" } },
  ["large.example.test"] = {}, -- about 700 bytes
  ["huge.example.test"] = {}, -- about 7000
}
for i = 1, 100 do
  local record = { type = "TXT", texts = { ("%03d "):format(i) .. ("x"):rep(50) } }
  table.insert(zone["huge.example.test"], record)
  if i <= 10 then table.insert(zone["large.example.test"], record) end
end

-- A record under the name that was asked for, spelt as there.
local function named(name, record)
  local copy = { name = name, ttl = TTL }
  for field, value in pairs(record) do copy[field] = value end
  return copy
end

-- Whether a name is in the zone.
local function is_ours(name)
  return name == ORIGIN or name:sub(-#ORIGIN - 1) == "." .. ORIGIN
end

-- Fills an answer in: the records; else that there are none, and for how long that
-- may be believed.
local function look_up(answer, question)
  local name = question.name:lower()
  if question.class ~= 1 or not is_ours(name) then
    answer.rcode = "REFUSED"
    return
  end
  answer.authoritative, answer.answers = true, {}
  for _, record in ipairs(zone[name] or {}) do
    if question.type == record.type or question.type == "ANY" then
      table.insert(answer.answers, named(question.name, record))
    end
  end
  answer.rcode = not zone[name] and "NXDOMAIN" or nil
  if #answer.answers == 0 then answer.authorities = { named(ORIGIN, zone[ORIGIN][1]) } end
end

-- What is wrong with a query, as an rcode; nil if nothing is.
local function fault(query)
  if query.opcode ~= 0 then return "NOTIMP" end
  if #query.questions ~= 1 then return "FORMERR" end
  return query.edns and query.edns.version > 0 and "BADVERS" or nil
end

-- Returns the answer to a datagram, and how large it may be; nil for what gets none:
-- answers, and what is not even the beginning of a query.
local function respond(datagram)
  local query, _, header = dns.decode(datagram)
  header = query or header
  if not header or header.response then return nil end
  local answer = { id = header.id, opcode = header.opcode, response = true,
    recursionDesired = header.recursionDesired, rcode = "FORMERR" }
  if not query then return answer, 512 end
  local edns = query.edns
  answer.questions, answer.rcode = { query.questions[1] }, fault(query)
  answer.edns = edns and { size = SIZE, flags = 0 }
  if not answer.rcode then look_up(answer, query.questions[1]) end
  return answer, edns and math.max(512, math.min(SIZE, edns.size)) or 512
end

local sockets = {}

-- Serves an address family.
local function serve(kind, address)
  local socket = dgram.createSocket { type = kind, ipv6Only = kind == "udp6",
    recvInfo = { "localAddress", "interface" } }
  socket:on("message", function(datagram, rinfo)
    if rinfo.port == 0 then return end -- nobody to answer
    local answer, limit = respond(datagram)
    if answer then socket:reply(dns.encode(answer, limit), rinfo) end
  end)
  socket:bindSync { port = port, address = address }
  port = socket:address().port
  sockets[#sockets + 1] = socket
end

serve("udp4", "0.0.0.0")
serve("udp6", "::")

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function()
  for _, socket in ipairs(sockets) do socket:close() end
end)

print("listening on port " .. port)
uv.run()
