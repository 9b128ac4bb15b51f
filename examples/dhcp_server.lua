-- A DHCP server for several links (RFC 2131): it knows the link that a broadcast came
-- in by, and answers there only, from its own address there. Each link is a /24, of
-- which .100 to .199 are given away. End with Ctrl-C. Try it, as root, with udhcpc in a
-- network namespace of its own (here is one link):
--   ip netns add pc; ip link add lan0 type veth peer name eth0 netns pc
--   ip addr add 10.7.0.1/24 dev lan0; ip link set lan0 up; ip -n pc link set eth0 up
--   lua5.4 examples/dhcp_server.lua 67 lan0=10.7.0.1 &
--   ip netns exec pc udhcpc -i eth0 -f -q
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local Leases = require "dhcp_leases"
local dgram = require "dgram"
local dhcp = require "dhcp"
local uv = require "luv"

local LEASE, OFFER = 600, 10 -- seconds
local USAGE = "usage: dhcp_server.lua PORT INTERFACE=ADDRESS..."

-- Whether an interface has an address.
local function has(name, address)
  for _, each in ipairs(uv.interface_addresses()[name] or {}) do
    if each.ip == address then return true end
  end
  return false
end

-- A link: our interface and address there, its network, and who has which address.
local function new_link(text)
  local name, address, net = text:match("^(.+)=((%d+%.%d+%.%d+%.)%d+)$")
  assert(name, USAGE)
  assert(has(name, address), name .. " has no address " .. address)
  local pool = {}
  for last = 100, 199 do
    if net .. last ~= address then pool[#pool + 1] = net .. last end
  end
  return { name = name, address = address, net = net, leases = Leases.new(pool) }
end

local port = assert(tonumber(arg[1]), USAGE) -- and the clients' is the next one
local links = {} -- by name
for i = 2, #arg do
  local link = new_link(arg[i])
  links[link.name] = link
end
assert(next(links), USAGE)

-- What each kind of message does: returns the kind of the answer, if there is one, and
-- the address that the client gets.
local handle = {}

function handle.DISCOVER(link, request)
  local address = link.leases:find(request.client, request.requested)
  if not address then return print(link.name .. ": no address is left") end
  link.leases:give(request.client, address, OFFER)
  return "OFFER", address
end

function handle.REQUEST(link, request)
  if request.server and request.server ~= link.address then return nil end -- chose another
  local address = request.requested or request.ciaddr
  if not link.leases:may_have(request.client, address) then return "NAK" end
  link.leases:give(request.client, address, LEASE)
  return "ACK", address
end

function handle.DECLINE(link, request) link.leases:decline(request.client, request.requested) end

function handle.RELEASE(link, request) link.leases:release(request.client, request.ciaddr) end

-- Writes an answer; with an address go the time of its lease, the mask and the router.
local function write(link, request, kind, address)
  return dhcp.encode { op = dhcp.REPLY, kind = kind, xid = request.xid,
    flags = request.flags, chaddr = request.chaddr, server = link.address,
    ciaddr = address and request.ciaddr, yiaddr = address, lease = address and LEASE,
    mask = address and "255.255.255.0", router = address and link.address }
end

-- Reads a request; nil if it is none, or one that a relay passes on from elsewhere.
local function read(msg)
  local request = dhcp.decode(msg)
  if not request or request.op ~= dhcp.REQUEST or request.giaddr ~= dhcp.NOWHERE then
    return nil
  end
  request.client = request.client or request.chaddr -- who has said no name
  return request
end

local server = dgram.createSocket { type = "udp4", recvInfo = { "interface" } }

server:on("message", function(msg, rinfo)
  local link, request = links[rinfo.interface], read(msg)
  if not link or not request or not handle[request.kind] then return end
  local kind, address = handle[request.kind](link, request)
  if not kind then return end
  -- Who has an address hears it there; who has none yet hears a broadcast.
  local known = address and request.ciaddr:find(link.net, 1, true) == 1
  server:send(write(link, request, kind, address), port + 1,
    known and request.ciaddr or "255.255.255.255",
    { interface = link.name, localAddress = link.address })
  print(("%s: %s %s"):format(link.name, kind,
    address or request.requested or request.ciaddr))
end)

server:bindSync { port = port }
server:setBroadcast(true)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() server:close() end)
print("listening on port " .. port)
uv.run()
