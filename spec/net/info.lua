-- What the kernel tells of a datagram between hosts: groups, broadcast addresses,
-- two interfaces, hops, an interface that is gone; sockets of one interface; packets
-- that must not be cut up. Run by `make test-net`.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"

local PORT = Network.PORT
local FIELDS = { "localAddress", "interface", "ttl", "typeOfService", "timestamp" }

-- Keeps of each datagram what it was sent to, and by which interface it came.
local function hearing(host, kind, more)
  local options = more or {}
  options.type, options.recvInfo = kind, FIELDS
  local socket = host:socket(options, { port = PORT })
  socket.heard = {}
  socket:on("message", function(msg, rinfo)
    rinfo.msg = msg
    table.insert(socket.heard, rinfo)
  end)
  return socket
end

-- Waits for the next datagram that a socket hears, and checks fields of its rinfo.
local function expect(socket, fields)
  Network.wait(function() return #socket.heard > 0 end)
  helper.has(fields, table.remove(socket.heard, 1))
end

describe("what the kernel tells of a datagram", function()
  local network, a, b, c

  -- Host b is in both networks, a in the first, c in the second.
  before_each(function()
    network = Network.new()
    a, b, c = network:host(), network:host(), network:host()
    network:cable(a, "eth0", b, "eth0")
    network:cable(b, "eth1", c, "eth0")
    a:address("eth0", "10.0.0.1/24", "fd00:0::1/64")
    b:address("eth0", "10.0.0.2/24", "fd00:0::2/64")
    b:address("eth1", "10.0.1.2/24", "10.0.1.22/24", "fd00:1::2/64")
    c:address("eth0", "10.0.1.3/24", "fd00:1::3/64")
    a:settle("eth0")
    b:settle("eth0", "eth1")
    c:settle("eth0")
  end)

  after_each(function() network:close() end)

  it("is its interface and its destination: unicast, group, broadcast", function()
    helper.run(function()
      local server = hearing(b, "udp4")
      b:call(function()
        for _, name in ipairs { "eth0", "eth1" } do
          server:addMembership("239.1.2.3", name)
        end
      end)
      for host, case in pairs {
        [a] = { interface = "eth0", to = { "10.0.0.2", "10.0.0.255", "239.1.2.3" } },
        [c] = { interface = "eth1", to = { "10.0.1.22", "10.0.1.255", "239.1.2.3" } },
      } do
        local client = host:socket { type = "udp4", typeOfService = 0x2e }
        host:call(function()
          client:setBroadcast(true)
          client:setTTL(9)
          client:setMulticastTTL(9)
          client:setMulticastInterface("eth0")
        end)
        for _, to in ipairs(case.to) do
          client:send(to, PORT, to)
          expect(server, { msg = to, localAddress = to, interface = case.interface,
            ttl = 9, typeOfService = 0x2e })
        end
        client:close()
      end
      server:close()
    end)
  end)

  it("is the same over IPv6, and of IPv4 at the same socket", function()
    helper.run(function()
      local server = hearing(b, "udp6")
      b:call(server.addMembership, server, "ff15::123", "eth1")
      local client = c:socket { type = "udp6", typeOfService = 0x2e }
      c:call(function()
        client:setTTL(9)
        client:setMulticastTTL(9)
        client:setMulticastInterface("::%eth0")
      end)
      for _, to in ipairs { "fd00:1::2", "::ffff:10.0.1.22", "ff15::123" } do
        client:send(to, PORT, to)
        expect(server, { msg = to, localAddress = to, interface = "eth1", ttl = 9,
          typeOfService = 0x2e })
      end
      helper.close(client, server)
    end)
  end)

  it("is the index of an interface that is gone", function()
    helper.run(function()
      local server = hearing(b, "udp4")
      local index = b:index("eth1")
      server:pause()
      local client = c:socket("udp4")
      local sent = false
      client:send("x", PORT, "10.0.1.2", function() sent = true end)
      helper.wait(function() return sent end)
      b:run("ip link del eth1")
      server:resume()
      expect(server, { msg = "x", interface = index })
      helper.close(client, server)
    end)
  end)

  it("hears and speaks by the option interface only", function()
    helper.run(function()
      local one = hearing(b, "udp4", { interface = "eth1" })
      local near, far = a:socket("udp4"), c:socket("udp4")
      near:send("not to be heard", PORT, "10.0.0.2")
      far:send("heard", PORT, "10.0.1.2")
      expect(one, { msg = "heard", interface = "eth1" })
      local heard = c:listener("udp4")
      one:send("x", PORT, "10.0.1.3")
      Network.wait(function() return #heard.heard > 0 end)
      one:send("x", PORT, "10.0.0.1", helper.expect(function(err)
        assert.truthy(err == nil or err.code == "ENETUNREACH", tostring(err))
        helper.close(one, near, far, heard)
      end))
    end)
  end)

  for kind, case in pairs { udp4 = { peer = "10.0.1.3", headers = 28 },
    udp6 = { peer = "fd00:1::3", headers = 48 } } do
    it("and what a path allows, is told and kept to: " .. kind, function()
      helper.run(function()
        b:run("ip link set eth1 mtu 1400")
        local client = b:socket(kind)
        b:call(function()
          client:connectSync(PORT, case.peer)
          client:setDontFragment(true)
        end)
        local server = c:listener(kind)
        local most = client:getMTU()
        assert.equal(1400, most)
        client:send(("x"):rep(most - case.headers + 1), helper.expect(function(err)
          assert.equal("EMSGSIZE", err.code)
        end))
        client:send(("x"):rep(most - case.headers))
        Network.wait(function() return #server.heard > 0 end)
        assert.equal(most - case.headers, #server.heard[1])
        client:setDontFragment(false)
        client:send(("x"):rep(3000))
        Network.wait(function() return #server.heard > 1 end)
        assert.equal(3000, #server.heard[2])
        helper.close(client, server)
      end)
    end)
  end
end)
