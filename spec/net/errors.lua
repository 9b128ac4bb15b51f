-- What routers and hosts refuse: closed ports, unreachable hosts and networks,
-- hops that run out, paths with a small MTU. None of it ends a process, with or
-- without an 'error' listener. Run by `make test-net`.
local Network = require "spec.net.network"
local dgram = require "dgram"
local helper = require "spec.support.helper"

local PORT = Network.PORT
local DEAD = 60 -- hosts that are not there

local versions = {
  { name = "IPv4", type = "udp4", any = "0.0.0.0", server = "10.0.1.2",
    nobody = "10.0.1.77", dead = "10.0.0.%d", nowhere = "10.9.9.9", local_net = "10.8.0.0/16",
    local_host = "10.8.0.1", unreachable = { "Icmp", "InDestUnreachs" },
    expired = { "Icmp", "InTimeExcds" }, ip = "ip", neighbour = "ipv4",
    prohibited = "EHOSTUNREACH", reject = "icmp type admin-prohibited" },
  { name = "IPv6", type = "udp6", any = "::", server = "fd00:1::2",
    nobody = "fd00:1::77", dead = "fd00:0::%x", nowhere = "fd99::9", local_net = "fd08::/16",
    local_host = "fd08::1", unreachable = { "Icmp6InDestUnreachs" },
    expired = { "Icmp6InTimeExcds" }, ip = "ip -6", neighbour = "ipv6",
    prohibited = "EACCES", reject = "icmpv6 type admin-prohibited" },
}

for _, v in ipairs(versions) do
  describe("over " .. v.name, function()
    local network, a, r, b

    before_each(function()
      network = Network.new()
      a, r, b = network:routed()
    end)

    after_each(function() network:close() end)

    -- A server in host b that counts what it hears.
    local function serve()
      local socket = b:socket(v.type, { port = PORT, address = v.any })
      socket.heard = 0
      socket:on("message", function(msg, rinfo)
        socket.heard = socket.heard + 1
        socket:send(msg, rinfo.port, rinfo.address)
      end)
      return socket
    end

    -- A socket in host a; its errors are counted when it listens for them.
    local function client(listens)
      local socket = a:socket(v.type, { address = v.any })
      socket.heard, socket.errors = 0, {}
      socket:on("message", function() socket.heard = socket.heard + 1 end)
      if listens then
        socket:on("error", function(err)
          table.insert(socket.errors, err.code)
        end)
      end
      return socket
    end

    -- Waits until host a has got that many more errors from the network.
    local function after_errors(counter, wanted, body)
      local before = a:counter(table.unpack(counter))
      body()
      Network.wait(function()
        return a:counter(table.unpack(counter)) >= before + wanted
      end)
    end

    -- Asserts that a socket can still talk to the server.
    local function expect_alive(socket)
      local server = serve()
      socket:send("hello", PORT, v.server)
      Network.wait(function() return socket.heard > 0 end)
      helper.close(server, socket)
    end

    for _, listens in ipairs { true, false } do
      local how = listens and "with" or "without"

      it(("a closed port does no harm, %s a listener"):format(how), function()
        helper.run(function()
          local socket = client(listens)
          after_errors(v.unreachable, 2, function()
            for _ = 1, 5 do socket:send("x", PORT, v.server) end
          end)
          expect_alive(socket)
        end)
      end)

      it(("a closed port is told when connected, %s a listener"):format(how),
        function()
          helper.run(function()
            local socket = client(listens)
            socket:connectSync(PORT, v.server)
            after_errors(v.unreachable, 1, function() socket:send("x") end)
            Network.wait(function()
              return socket:stats().remoteErrors > 0
            end)
            if listens then
              Network.wait(function() return #socket.errors > 0 end)
              assert.equal("ECONNREFUSED", socket.errors[1])
            end
            local server = serve()
            socket:send("hello")
            Network.wait(function() return socket.heard > 0 end)
            helper.close(server, socket)
          end)
        end)

      it(("an unreachable host does no harm, %s a listener"):format(how),
        function()
          for _, name in ipairs { "mcast_solicit", "ucast_solicit" } do
            r:sysctl(v.neighbour .. ".neigh.eth1." .. name, "1")
          end
          r:sysctl(v.neighbour .. ".neigh.eth1.retrans_time_ms", "20")
          helper.run(function()
            local socket, connected = client(listens), client(listens)
            connected:connectSync(PORT, v.nobody)
            after_errors(v.unreachable, 2, function()
              socket:send("x", PORT, v.nobody)
              connected:send("x")
            end)
            connected:close()
            expect_alive(socket)
          end)
        end)

      it(("an unreachable network does no harm, %s a listener"):format(how),
        function()
          helper.run(function()
            local socket, connected = client(listens), client(listens)
            connected:connectSync(PORT, v.nowhere)
            after_errors(v.unreachable, 2, function()
              socket:send("x", PORT, v.nowhere)
              connected:send("x")
            end)
            connected:close()
            expect_alive(socket)
          end)
        end)

      it(("a router that forbids does no harm, %s a listener"):format(how),
        function()
          r:run("nft add table inet t")
          r:run("nft 'add chain inet t f { type filter hook forward "
            .. "priority 0; }'")
          r:run(("nft add rule inet t f udp dport 7 reject with %s"):format(
            v.reject))
          helper.run(function()
            local socket = client(listens)
            socket:connectSync(7, v.server)
            after_errors(v.unreachable, 1, function() socket:send("x") end)
            Network.wait(function()
              return socket:stats().remoteErrors > 0
            end)
            if listens then
              Network.wait(function() return #socket.errors > 0 end)
              assert.equal(v.prohibited, socket.errors[1])
            end
            socket:disconnect()
            expect_alive(socket)
          end)
        end)
    end

    -- Sends to many hosts on host a's link that are not there, then to the server, by
    -- a socket with a send buffer; calls check(socket, server) as the datagrams stand
    -- then. All that was accepted has its completion in the end.
    local function beside_dead_hosts(bytes, check)
      for name, value in pairs { mcast_solicit = "1", retrans_time_ms = "200" } do
        a:sysctl(("%s.neigh.eth0.%s"):format(v.neighbour, name), value)
      end
      helper.run(function()
        local server, told, failed = serve(), 0, 0
        local socket = a:socket({ type = v.type, sendBufferSize = bytes }, { address = v.any })
        local function count(err)
          told, failed = told + 1, failed + (err and 1 or 0)
        end
        socket:send("the router is known now", PORT, v.server, count)
        Network.wait(function() return server.heard == 1 end)
        for i = 1, DEAD do socket:send("x", PORT, v.dead:format(i + 1), count) end
        socket:send("hello", PORT, v.server, count)
        socket:flush()
        check(socket)
        Network.wait(function() return told == DEAD + 2 and server.heard == 2 end)
        assert.equal(0, failed)
        helper.close(socket, server)
      end)
    end

    it("hosts on the link that are not there hold others up, and nothing is lost", function()
      beside_dead_hosts(4608, function(socket)
        assert.is_true(socket:getSendQueueCount() > DEAD / 2)
      end)
    end)

    it("… and hold nobody up with a larger send buffer", function()
      beside_dead_hosts(212992, function(socket)
        assert.equal(0, socket:getSendQueueCount())
      end)
    end)

    it("hops run out at the router", function()
      helper.run(function()
        local server, socket = serve(), client(true)
        after_errors(v.expired, 2, function()
          socket:setTTL(1)
          for _ = 1, 3 do socket:send("near", PORT, v.server) end
        end)
        assert.equal(0, server.heard)
        socket:setTTL(2)
        socket:send("far", PORT, v.server)
        Network.wait(function() return server.heard == 1 end)
        helper.close(server, socket)
      end)
    end)

    local routes = {
      { "unreachable", "EHOSTUNREACH" }, { "prohibit", "EACCES" },
      { "blackhole", "EINVAL" },
    }
    for _, route in ipairs(routes) do
      it(("a route of type %s gives every send %s"):format(route[1], route[2]),
        function()
          a:run(("%s route add %s %s"):format(v.ip, route[1], v.local_net))
          helper.run(function()
            local socket, codes = client(false), {}
            for _ = 1, 100 do
              socket:send("payload", PORT, v.local_host, function(err)
                codes[#codes + 1] = err and err.code or "none"
              end)
            end
            Network.wait(function() return #codes == 100 end)
            for _, code in ipairs(codes) do assert.equal(route[2], code) end
            expect_alive(socket)
          end)
        end)
    end

    it("no route at all is the sender's error, at once", function()
      a:run(v.ip .. " route del default")
      helper.run(function()
        local socket = client(true)
        socket:send("x", PORT, v.nowhere, helper.expect(function(err)
          assert.equal("ENETUNREACH", err.code)
          assert.equal("send", err.syscall)
          assert.equal(v.nowhere, err.address)
          assert.equal(PORT, err.port)
        end))
        socket:send("x", PORT, v.nowhere)
        Network.wait(function() return #socket.errors == 1 end)
        assert.same({ "ENETUNREACH" }, socket.errors)
        socket:close()
      end)
    end)

    it("a path with a small MTU is learnt, also by trains", function()
      r:run("ip link set eth1 mtu 1300")
      b:run("ip link set eth0 mtu 1300")
      helper.run(function()
        local server, socket = serve(), client(true)
        local sent = 0
        while server.heard == 0 do
          socket:send(("x"):rep(1400), PORT, v.server)
          sent = sent + 1
          Network.wait(function()
            return socket:getSendQueueCount() == 0
          end)
          pcall(Network.wait, function() return server.heard > 0 end, 0.1)
          assert.is_true(sent < 10, "the MTU is never learnt")
        end
        server.heard = 0
        for _ = 1, 60 do socket:send(("y"):rep(1400), PORT, v.server) end
        Network.wait(function() return server.heard == 60 end)
        helper.close(server, socket)
      end)
    end)

    it("the largest datagram arrives, one byte more is EMSGSIZE", function()
      helper.run(function()
        local server, socket = serve(), client(true)
        local largest = v.type == "udp4" and 65507 or 65527
        socket:send(("x"):rep(largest + 1), PORT, v.server,
          helper.expect(function(err) assert.equal("EMSGSIZE", err.code) end))
        socket:send(("x"):rep(largest), PORT, v.server)
        Network.wait(function() return server.heard == 1 end)
        helper.close(server, socket)
      end)
    end)
  end)
end

describe("dual stack", function()
  local network, a, b

  before_each(function()
    network = Network.new()
    local router
    a, router, b = network:routed()
    assert(router)
  end)

  after_each(function() network:close() end)

  -- A server in host b that notes its senders.
  local function serve(options)
    local socket = b:socket(options, { port = PORT })
    socket.senders = {}
    socket:on("message", function(msg, rinfo)
      table.insert(socket.senders, rinfo.address)
      socket:send(msg, rinfo.port, rinfo.address)
    end)
    return socket
  end

  -- Sends one datagram from host a; returns the socket.
  local function say(kind, address)
    return a:call(function()
      local socket = dgram.createSocket(kind)
      socket:on("message", function() socket.heard = true end)
      socket:send("hello", PORT, address)
      return socket
    end)
  end

  it("hears IPv4 on a socket of IPv6, and answers", function()
    helper.run(function()
      local server = serve { type = "udp6" }
      local four, six = say("udp4", "10.0.1.2"), say("udp6", "fd00:1::2")
      Network.wait(function() return four.heard and six.heard end)
      table.sort(server.senders)
      assert.same({ "::ffff:10.0.0.1", "fd00::1" }, server.senders)
      helper.close(server, four, six)
    end)
  end)

  it("counts the hops of what goes by IPv4, too", function()
    helper.run(function()
      local server, heard = serve { type = "udp6" }, {}
      server:on("message", function(msg) heard[#heard + 1] = msg end)
      local socket = a:call(function()
        local each = dgram.createSocket("udp6")
        each:bindSync()
        for ttl, msg in ipairs { "near", "far" } do
          each:setTTL(ttl)
          each:send(msg, PORT, "::ffff:10.0.1.2")
          each:flush()
        end
        return each
      end)
      Network.wait(function() return heard[1] end)
      assert.same({ "far" }, heard)
      helper.close(server, socket)
    end)
  end)

  it("is off with ipv6Only: the port is free for IPv4", function()
    helper.run(function()
      local server = serve { type = "udp6", ipv6Only = true }
      local other = serve { type = "udp4" }
      local four, six = say("udp4", "10.0.1.2"), say("udp6", "fd00:1::2")
      Network.wait(function() return four.heard and six.heard end)
      assert.same({ "fd00::1" }, server.senders)
      assert.same({ "10.0.0.1" }, other.senders)
      helper.close(server, other, four, six)
    end)
  end)
end)

describe("link-local addresses", function()
  it("find the host of their zone, and its answer comes back", function()
    local network = Network.new()
    finally(function() network:close() end)
    local left, middle, right = network:host(), network:host(), network:host()
    network:cable(middle, "eth0", left, "eth0")
    network:cable(middle, "eth1", right, "eth0")
    middle:address("eth0", "fe80::1/64")
    middle:address("eth1", "fe80::1/64")
    left:address("eth0", "fe80::9/64")
    right:address("eth0", "fe80::9/64")
    left:settle("eth0")
    right:settle("eth0")
    middle:settle("eth0", "eth1")
    -- A host that answers with its own name.
    local function serve(host, name)
      local socket = host:socket("udp6", { port = PORT, address = "fe80::9%eth0" })
      socket:on("message", function(_, rinfo)
        host:call(socket.send, socket, name, rinfo.port, rinfo.address)
      end)
      return socket
    end
    helper.run(function()
      middle:call(function() -- the loop runs here: zones are its interfaces
        local one, two = serve(left, "left"), serve(right, "right")
        require("netns").enter(middle.fd)
        local socket, heard = dgram.createSocket("udp6"), {}
        socket:on("message", function(msg, rinfo)
          heard[#heard + 1] = msg .. " " .. rinfo.address
          require("netns").enter(middle.fd)
        end)
        socket:bindSync {}
        local before = {}
        for _, zone in ipairs { "eth0", "eth1" } do
          socket:send("who?", PORT, "fe80::9%" .. zone)
          before[#before + 1] = zone
          Network.wait(function()
            require("netns").enter(middle.fd)
            return #heard == #before
          end)
        end
        assert.same({ "left fe80::9%eth0", "right fe80::9%eth1" }, heard)
        socket:send("who?", PORT, "fe80::9%eth7", helper.expect(function(err)
          assert.is_string(err.code)
        end))
        helper.close(one, two, socket)
      end)
    end)
  end)
end)
