-- Answers from where the question was asked: servers bound to all addresses, asked at
-- their second ones by programs that hear nobody else; and by which link a broadcast
-- or a group's datagram is answered. Run by `make test-net`.
local Child = require "spec.support.child"
local Network = require "spec.net.network"
local helper = require "spec.support.helper"
local programs = require "spec.support.host"

local PORT = Network.PORT
local TOLD = { "localAddress", "interface" }

-- A name server: each name has the address 192.0.2.7.
local function dns(query)
  local at = 13
  while query:byte(at) > 0 do at = at + 1 + query:byte(at) end
  return query:sub(1, 2) .. "\132\0\0\1\0\1\0\0\0\0" .. query:sub(13, at + 4)
    .. "\192\12\0\1\0\1\0\0\0\60\0\4\192\0\2\7"
end

-- A CoAP server: each resource has the content "hello" (RFC 7252).
local function coap(request)
  local token = request:byte(1) % 16
  return string.char(96 + token, 69) .. request:sub(3, 4 + token) .. "\255hello"
end

-- A TFTP server: each file is one block, "hello" (RFC 1350); an ACK is not answered.
local function tftp(packet)
  return packet:byte(2) == 1 and "\0\3\0\1hello" or nil
end

-- What is asked at an address, and what the program prints then. The address has no
-- brackets.
local questions = {
  { "dig", "dig +short +tries=1 +time=3 -p %d @%s name.example", dns, "192.0.2.7" },
  { "coap-client-notls", "coap-client-notls -B 3 -m get coap://%2$s:%1$d/x", coap, "hello" },
  { "tftp", "f=$(mktemp); tftp %3$s %2$s %1$d -c get x $f; cat $f; rm $f", tftp, "hello" },
}

-- Fills a command in: %1$d the port, %2$s the address, %3$s -4 or -6.
local function command(pattern, address)
  local v6 = address:find(":", 1, true)
  if not pattern:find("$", 1, true) then return pattern:format(PORT, address) end
  local bracketed = v6 and pattern:find("://") and "[" .. address .. "]" or address
  local values = { PORT, bracketed, v6 and "-6" or "-4" }
  return (pattern:gsub("%%(%d)%$[ds]", function(i) return values[tonumber(i)] end))
end

describe("a server bound to all addresses", function()
  local network, host, neighbour

  before_each(function()
    network = Network.new()
    host, neighbour = network:host(), network:host()
    network:cable(host, "eth0", neighbour, "eth0")
    host:address("lo", "::2/128")
    host:address("eth0", "10.0.0.1/24", "10.0.0.9/24", "fd00::1/64", "fd00::9/64")
    neighbour:address("eth0", "10.0.0.7/24", "fd00::7/64")
    host:settle("eth0")
    neighbour:settle("eth0")
  end)

  after_each(function() network:close() end)

  for _, question in ipairs(questions) do
    local program, pattern, answer, wanted = (table.unpack or unpack)(question)
    for kind, addresses in pairs {
      udp4 = { "127.0.0.1", "127.0.0.2", "10.0.0.1", "10.0.0.9" },
      udp6 = { "::1", "::2", "fd00::1", "fd00::9", "127.0.0.2", "10.0.0.9" },
    } do
      for _, address in ipairs(addresses) do
        it(("of %s answers %s at %s"):format(kind, program, address), function()
          if not programs.has(program) then pending(program .. " is not installed") end
          helper.run(function()
            local server = host:listener { type = kind, recvInfo = TOLD }
            server:on("message", function(msg, rinfo)
              local reply = answer(msg)
              if reply then server:reply(reply, rinfo, helper.sent(#reply)) end
            end)
            local from = address:find("^[f1][d0]") and neighbour or host
            local child = from:call(Child.start, "sh", "-c", command(pattern, address))
            local status, output = child:outcome(8)
            assert.equal(0, status, output)
            assert.truthy(output:find(wanted, 1, true), output)
            server:close()
          end, 10)
        end)
      end
    end
  end
end)

-- A server with two links, eth0 and eth1, to a host each, which have the same network.
describe("a server on two links", function()
  local network, server, a, b

  before_each(function()
    network = Network.new()
    server, a, b = network:host(), network:host(), network:host()
    network:cable(server, "eth0", a, "eth0")
    network:cable(server, "eth1", b, "eth0")
    server:address("eth0", "10.0.0.1/24")
    server:address("eth1", "10.0.0.2/24")
    a:address("eth0", "10.0.0.7/24")
    b:address("eth0", "10.0.0.7/24")
    server:settle("eth0", "eth1")
    a:settle("eth0")
    b:settle("eth0")
    for _, name in ipairs { "all", "eth0", "eth1" } do
      server:sysctl("ipv4.conf." .. name .. ".rp_filter", "0")
    end
    a:run("ip route add default dev eth0")
    b:run("ip route add default dev eth0")
  end)

  after_each(function() network:close() end)

  -- Asks from a host by a way; the answer comes back to it, not to the other.
  local function ask(from, other, kind, to, source)
    helper.run(function()
      local socket = server:listener { type = kind, recvInfo = TOLD }
      socket:on("message", function(msg, rinfo) socket:reply(msg:upper(), rinfo) end)
      if to == "239.1.2.3" or to == "ff02::99" then
        for _, name in ipairs { "eth0", "eth1" } do
          server:call(socket.addMembership, socket, to:gsub("%%.*", ""),
            kind == "udp4" and (name == "eth0" and "10.0.0.1" or "10.0.0.2") or "::%" .. name)
        end
      end
      local sources = {}
      local client = from:socket(kind)
      client:on("message", function(msg, rinfo)
        sources[#sources + 1] = msg .. " " .. rinfo.address
      end)
      local bystander = other:socket(kind, { port = client:address().port })
      bystander.heard = helper.listen(bystander)
      if kind == "udp4" then client:setBroadcast(true) end
      from:call(client.send, client, "x", PORT, to .. (kind == "udp6" and "%eth0" or ""))
      Network.wait(function() return #sources > 0 end)
      assert.equal(1, #sources)
      assert.equal("X " .. source, sources[1]:sub(1, #source + 2))
      assert.same({}, bystander.heard)
      helper.close(socket, client, bystander)
    end)
  end

  for to, sources in pairs {
    ["255.255.255.255"] = { "10.0.0.1", "10.0.0.2" },
    ["10.0.0.255"] = { "10.0.0.1", "10.0.0.2" },
    ["239.1.2.3"] = { "10.0.0.1", "10.0.0.2" },
    ["10.0.0.1"] = { "10.0.0.1", "10.0.0.1" },
  } do
    it("answers what was sent to " .. to .. " by the link it came", function()
      ask(a, b, "udp4", to, sources[1])
      ask(b, a, "udp4", to, sources[2])
    end)
  end

  it("answers what was sent to a group of IPv6 by the link it came", function()
    ask(a, b, "udp6", "ff02::99", "fe80::")
    ask(b, a, "udp6", "ff02::99", "fe80::")
  end)
end)
