-- A DHCP server for several links (RFC 2131): it knows the link that a broadcast came
-- in by, and answers there only. Each link is a /24, of which .100 to .199 are given
-- away. End with Ctrl-C. Try it, as root, on two links (here is one):
--   ip link add lan0 type veth peer name pc0 netns $PID
--   ip addr add 10.7.0.1/24 dev lan0; ip link set lan0 up
--   lua5.4 examples/dhcp_server.lua 67 lan0=10.7.0.1 lan1=10.8.0.1
--   nsenter -t $PID -n udhcpc -i pc0 -f -q
local dgram = require "dgram"
local uv = require "luv"

local port = tonumber(table.remove(arg, 1)) or 6767 -- and the clients' is the next one
local LEASE, OFFER = 600, 10 -- seconds
local DISCOVER, OFFERED, REQUEST, DECLINE, ACK, NAK, RELEASE = 1, 2, 3, 4, 5, 6, 7
local SAID = { [OFFERED] = "offers", [ACK] = "gives", [NAK] = "refuses" }
local COOKIE, NOWHERE = "\99\130\83\99", "\0\0\0\0"

-- An address as its four bytes, and the way back.
local function bytes(address)
  return (address:gsub("(%d+)%.?", function(n) return string.char(n) end))
end

local function dotted(four) return ("%d.%d.%d.%d"):format(four:byte(1, 4)) end

local links = {} -- by name: our address there, the network, leases by address
for _, text in ipairs(arg) do
  local name, address = text:match("^(.+)=(%d+%.%d+%.%d+%.%d+)$")
  links[assert(name, "INTERFACE=ADDRESS is wanted")] = { name = name, address = address,
    own = bytes(address), net = bytes(address):sub(1, 3), leases = {} }
end

-- Reads the options, code to content; nil if they are longer than the message.
local function read_options(msg)
  local options, at = {}, 241
  while at <= #msg and msg:byte(at) ~= 255 do
    local code, length = msg:byte(at, at + 1)
    if code == 0 then length = -1 end -- padding is one byte
    if not length or at + 1 + length > #msg then return nil end
    options[code] = (options[code] or "") .. msg:sub(at + 2, at + 1 + length) -- RFC 3396
    at = at + 2 + length
  end
  return options
end

-- Reads a client's message (RFC 2131, 2); nil if it is none, or of a relay.
local function read(msg)
  local options = #msg >= 240 and msg:find("^\1\1\6") and msg:sub(237, 240) == COOKIE
    and msg:sub(25, 28) == NOWHERE and read_options(msg)
  if not options or #(options[53] or "") ~= 1 or #(options[50] or NOWHERE) ~= 4 then
    return nil
  end
  return { kind = options[53]:byte(), wanted = options[50], server = options[54],
    ciaddr = msg:sub(13, 16), chaddr = msg:sub(29, 44), xid = msg:sub(5, 8),
    flags = msg:sub(11, 12), client = options[61] or msg:sub(29, 34) }
end

-- Whether a client may have an address: it is of the pool, and nobody else's now.
local function may_have(link, client, four)
  local lease, last = link.leases[four], four:byte(4)
  return four:sub(1, 3) == link.net and last >= 100 and last <= 199 and four ~= link.own
    and (not lease or lease.client == client or lease.ends <= os.time())
end

-- Finds an address for a client: its own, the one it wants, any; nil: all are taken.
local function choose(link, client, wanted)
  for four, lease in pairs(link.leases) do
    if lease.client == client then return four end
  end
  if wanted and may_have(link, client, wanted) then return wanted end
  for last = 100, 199 do
    local four = link.net .. string.char(last)
    if may_have(link, client, four) then return four end
  end
end

-- Gives an address to a client, which has one at most; an offer shortens no lease.
local function give(link, client, four, seconds)
  local ends = os.time() + seconds
  for other, lease in pairs(link.leases) do
    if lease.client == client then
      if other == four then ends = math.max(ends, lease.ends) end
      link.leases[other] = nil
    end
  end
  link.leases[four] = { client = client, ends = ends }
end

-- What each kind of message does: returns the kind of the answer, if there is one, and
-- the address that the client gets.
local handle = {
  [DISCOVER] = function(link, request)
    local four = choose(link, request.client, request.wanted)
    if not four then return print(link.name .. ": no address is left") end
    give(link, request.client, four, OFFER)
    return OFFERED, four
  end,
  [REQUEST] = function(link, request)
    if request.server and request.server ~= link.own then return nil end -- chose another
    local four = request.wanted or request.ciaddr
    if not may_have(link, request.client, four) then return NAK end
    give(link, request.client, four, LEASE)
    return ACK, four
  end,
  [DECLINE] = function(link, request) -- somebody has it already: leave it to him
    local lease = link.leases[request.wanted or NOWHERE]
    if lease and lease.client == request.client then lease.client = nil end
  end,
  [RELEASE] = function(link, request)
    local lease = link.leases[request.ciaddr]
    if lease and lease.client == request.client then lease.ends = 0 end
  end,
}

-- Writes an answer, of 300 bytes as BOOTP has it; with an address go the time of its
-- lease, the mask and the router.
local function answer(link, request, kind, four)
  local lease = four and "\51\4\0\0" .. string.char(math.floor(LEASE / 256), LEASE % 256)
    .. "\1\4\255\255\255\0\3\4" .. link.own or ""
  local msg = "\2\1\6\0" .. request.xid .. "\0\0" .. request.flags .. request.ciaddr
    .. (four or NOWHERE) .. NOWHERE .. NOWHERE .. request.chaddr .. ("\0"):rep(192)
    .. COOKIE .. "\53\1" .. string.char(kind) .. "\54\4" .. link.own .. lease .. "\255"
  return msg .. ("\0"):rep(300 - #msg)
end

local server = dgram.createSocket { type = "udp4", recvInfo = { "interface" } }

server:on("message", function(msg, rinfo)
  local link, request = links[rinfo.interface], read(msg)
  if not link or not request or not handle[request.kind] then return end
  local kind, four = handle[request.kind](link, request)
  if not kind then return end
  -- Who has an address hears it there; who has none yet hears a broadcast.
  local known = kind ~= NAK and request.ciaddr:sub(1, 3) == link.net
  server:send(answer(link, request, kind, four), port + 1,
    known and dotted(request.ciaddr) or "255.255.255.255",
    { interface = link.name, localAddress = link.address })
  print(("%s: %s %s"):format(link.name, SAID[kind], dotted(four or NOWHERE)))
end)

server:bind(port, "0.0.0.0", function()
  server:setBroadcast(true)
  print("listening on port " .. server:address().port)
end)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
interrupt:start("sigint", function()
  interrupt:close()
  server:close()
end)
uv.run()
