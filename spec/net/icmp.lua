-- The option `icmp` on real networks: what routers and hosts say of a datagram, who
-- says it, messages that were made up, and the MTU of a path. Run by `make test-net`.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"
local netns = require "netns"

local PORT = Network.PORT

-- How each version spells things: what it goes by, the addresses of the network,
-- ICMP types and codes, and the headers of a packet in bytes.
local IPv4 = { name = "IPv4", type = "udp4", any = "0.0.0.0", a = "10.0.0.1",
  router = "10.0.0.254", server = "10.0.1.2", nobody = "10.0.1.77", prefix = "",
  origin = "icmp", headers = 28, closed = { 3, 3 }, expired = { 11, 0 },
  too_big = { 3, 4 }, prohibited = { 3, 13, "EHOSTUNREACH" }, host = { 3, 1 },
  unreachable = { "Icmp", "InDestUnreachs" }, neighbour = "ipv4",
  reject = "icmp type admin-prohibited" }
local IPv6 = { name = "IPv6", type = "udp6", any = "::", a = "fd00::1",
  router = "fd00::fe", server = "fd00:1::2", nobody = "fd00:1::77", prefix = "",
  origin = "icmp6", headers = 48, closed = { 1, 4 }, expired = { 3, 0 },
  too_big = { 2, 0 }, prohibited = { 1, 1, "EACCES" }, host = { 1, 3 },
  unreachable = { "Icmp6InDestUnreachs" }, neighbour = "ipv6",
  reject = "icmpv6 type admin-prohibited" }
local DUAL = setmetatable({ name = "IPv4 from a dual-stack socket", type = "udp6",
  any = "::", prefix = "::ffff:" }, { __index = IPv4 })

-- Two bytes of a number, the higher first.
local function be16(n) return string.char(math.floor(n / 256) % 256, n % 256) end

-- Bytes of an address.
local function bytes_of(address)
  if address:find(".", 1, true) then
    return (address:gsub("(%d+)%.?", function(n) return string.char(tonumber(n)) end))
  end
  local head, tail = address:match("^(.-)::(.*)$")
  local function words(text)
    return (text:gsub("(%x+):?", function(n) return be16(tonumber(n, 16)) end))
  end
  head, tail = words(head), words(tail)
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

-- The checksum of ICMP (RFC 1071).
local function checksum(text)
  local sum = 0
  for i = 1, #text, 2 do
    sum = sum + text:byte(i) * 256 + (text:byte(i + 1) or 0)
  end
  while sum > 0xffff do sum = sum % 0x10000 + math.floor(sum / 0x10000) end
  return be16(0xffff - sum)
end

-- An ICMP message that nobody listens at a port, quoting a datagram.
local function made_up(v, from, from_port, to, to_port)
  local udp = be16(from_port) .. be16(to_port) .. be16(8 + 4) .. be16(0) .. "fake"
  if v.origin == "icmp6" then
    local ip = "\96\0\0\0" .. be16(#udp) .. "\17\64" .. bytes_of(from) .. bytes_of(to)
    return "\1\4\0\0\0\0\0\0" .. ip .. udp -- the kernel adds the checksum
  end
  local ip = "\69\0" .. be16(20 + #udp) .. "\0\0\64\0\64\17\0\0" .. bytes_of(from)
    .. bytes_of(to)
  local rest = "\0\0\0\0" .. ip .. udp
  return "\3\3" .. checksum("\3\3\0\0" .. rest) .. rest
end

for _, v in ipairs { IPv4, IPv6, DUAL } do
  describe("'icmp' over " .. v.name, function()
    local network, a, r, b

    before_each(function()
      network = Network.new()
      a, r, b = network:routed()
    end)

    after_each(function() network:close() end)

    -- An address as sockets of this type spell it.
    local function spelt(address) return v.prefix .. address end

    -- A socket in host a and the list of what it is told.
    local function telling()
      local socket = a:socket({ type = v.type, icmp = true }, { address = v.any })
      local told = {}
      socket:on("icmp", function(err) told[#told + 1] = err end)
      socket:on("error", helper.expect(0))
      return socket, told
    end

    -- Asserts what an error says.
    local function check(err, code, message, offender, address)
      helper.has({ code = code, type = message[1], icmpCode = message[2],
        origin = v.origin, offender = spelt(offender), address = spelt(address),
        port = PORT }, err)
    end

    it("names the host whose port is closed", function()
      helper.run(function()
        local socket, told = telling()
        socket:send("hello", PORT, spelt(v.server), helper.sent())
        Network.wait(function() return told[1] end)
        check(told[1], "ECONNREFUSED", v.closed, v.server, v.server)
        assert.equal("hello", told[1].data)
        socket:close()
      end)
    end)

    it("names the router that cannot find a host", function()
      for _, name in ipairs { "mcast_solicit", "ucast_solicit" } do
        r:sysctl(v.neighbour .. ".neigh.eth1." .. name, "1")
      end
      r:sysctl(v.neighbour .. ".neigh.eth1.retrans_time_ms", "20")
      helper.run(function()
        local socket, told = telling()
        socket:send("x", PORT, spelt(v.nobody), helper.sent())
        Network.wait(function() return told[1] end)
        check(told[1], "EHOSTUNREACH", v.host, v.router, v.nobody)
        socket:close()
      end)
    end)

    it("names the router that forbids", function()
      r:run("nft add table inet t")
      r:run("nft 'add chain inet t f { type filter hook forward priority 0; }'")
      r:run(("nft add rule inet t f udp dport %d reject with %s"):format(PORT, v.reject))
      helper.run(function()
        local socket, told = telling()
        for i = 1, 3 do
          socket:send("x", PORT, spelt(v.server), helper.sent())
          Network.wait(function() return told[i] end)
          check(told[i], v.prohibited[3], v.prohibited, v.router, v.server)
        end
        assert.equal(3, socket:stats().remoteErrors)
        socket:close()
      end)
    end)

    it("tells where the hops ran out: a traceroute", function()
      helper.run(function()
        local socket, told = telling()
        for hops = 1, 2 do
          a:call(socket.setTTL, socket, hops)
          socket:send("probe", PORT, spelt(v.server), helper.sent())
          Network.wait(function() return told[hops] end)
        end
        check(told[1], "EHOSTUNREACH", v.expired, v.router, v.server)
        check(told[2], "ECONNREFUSED", v.closed, v.server, v.server)
        socket:close()
      end)
    end)

    it("has a sender halve its datagrams until the path takes them", function()
      r:run("ip link set eth1 mtu 1300")
      b:run("ip link set eth0 mtu 1300")
      helper.run(function()
        local server = b:listener(v.type)
        local socket, told = telling()
        local size = 1400
        local function send() socket:send(("x"):rep(size), PORT, spelt(v.server)) end
        socket:on("icmp", function(err)
          assert.equal("EMSGSIZE", err.code)
          size = math.floor(size / 2)
          send()
        end)
        send()
        Network.wait(function() return server.heard[1] end)
        assert.equal(700, #server.heard[1])
        assert.equal(1, #told)
        check(told[1], "EMSGSIZE", v.too_big, v.router, v.server)
        assert.equal(1300, told[1].mtu)
        assert.is_true(#told[1].data > 400)
        assert.equal(0, socket:stats().sendErrors)
        helper.close(socket, server)
      end)
    end)

    it("has a sender find the path's MTU to the byte, with setDontFragment", function()
      r:run("ip link set eth1 mtu 1300")
      b:run("ip link set eth0 mtu 1300")
      helper.run(function()
        local server = b:listener(v.type)
        local socket, told = telling()
        a:call(socket.setDontFragment, socket, true)
        socket:connectSync(PORT, spelt(v.server))
        socket:send(("x"):rep(1400), helper.sent()) -- the interface takes it
        Network.wait(function() return told[1] end)
        check(told[1], "EMSGSIZE", v.too_big, v.router, v.server)
        assert.equal(1300, told[1].mtu)
        assert.equal(1300, a:call(socket.getMTU, socket))
        local largest = told[1].mtu - v.headers
        socket:send(("x"):rep(largest + 1), helper.expect(function(err)
          assert.equal("EMSGSIZE", err.code)
        end))
        socket:send(("x"):rep(largest), helper.sent())
        Network.wait(function() return server.heard[1] and told[2] end)
        assert.equal(largest, #server.heard[1])
        helper.has({ code = "EMSGSIZE", origin = "local", mtu = 1300,
          address = spelt(v.server), port = PORT }, told[2])
        assert.equal(2, #told)
        helper.has({ sent = 2, sendErrors = 1, remoteErrors = 1 }, socket:stats())
        helper.close(socket, server)
      end)
    end)

    it("is not made up by who quotes another peer, or another port", function()
      helper.run(function()
        local socket, told = telling()
        local other = telling()
        local mine = socket:address().port
        socket:connectSync(PORT, spelt(v.server))
        local count = a:counter(table.unpack(v.unreachable))
        b:call(function()
          for _, quoted in ipairs { { v.a, mine, v.server, PORT + 1 },
            { v.a, mine, v.nobody, PORT }, { v.a, mine + 1, v.server, PORT },
            { v.nobody, mine, v.server, PORT } } do
            netns.icmp(v.a, made_up(v, table.unpack(quoted)))
          end
        end)
        Network.wait(function()
          return a:counter(table.unpack(v.unreachable)) >= count + 4
        end)
        helper.pass(20)
        assert.same({}, told)
        b:call(netns.icmp, v.a, made_up(v, v.a, mine, v.server, PORT))
        Network.wait(function() return told[1] end)
        check(told[1], "ECONNREFUSED", v.closed, v.server, v.server)
        assert.equal("fake", told[1].data)
        assert.equal(1, socket:stats().remoteErrors)
        helper.close(socket, other)
      end)
    end)

    it("of a flood keeps the socket's other traffic going", function()
      helper.run(function()
        local socket, told = telling()
        local mine, heard, sent = socket:address().port, 0, 0
        local server = b:socket(v.type, { port = PORT + 1 })
        server:on("message", function(msg, rinfo)
          server:send(msg, rinfo.port, rinfo.address)
        end)
        socket:on("message", function() heard = heard + 1 end)
        local forged = made_up(v, v.a, mine, v.server, PORT)
        for _ = 1, 20 do
          b:call(function() for _ = 1, 100 do netns.icmp(v.a, forged) end end)
          socket:send("question", PORT + 1, spelt(v.server), helper.sent())
          sent = sent + 1
          Network.wait(function() return heard == sent end)
        end
        assert.is_true(#told > 100)
        Network.wait(function() return #told == socket:stats().remoteErrors end)
        helper.close(socket, server)
      end)
    end)
  end)
end

it("a socket without the option hears of nothing when it is not connected", function()
  local network = Network.new()
  finally(function() network:close() end)
  local a = network:routed()
  helper.run(function()
    local socket = a:socket("udp4")
    socket:on("icmp", helper.expect(0))
    socket:on("error", helper.expect(0))
    local count = a:counter("Icmp", "InDestUnreachs")
    socket:send("x", PORT, "10.0.1.2", helper.sent())
    Network.wait(function() return a:counter("Icmp", "InDestUnreachs") > count end)
    helper.pass(20)
    assert.equal(0, socket:stats().remoteErrors)
    socket:close()
  end)
end)
