-- Links that go down, go away, lose, double and reorder: what the library says,
-- and that it goes on. Run by `make test-net`.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"

local PORT = Network.PORT

describe("a link", function()
  local network, a, b

  before_each(function()
    network = Network.new()
    a, b = network:host(), network:host()
    network:cable(a, "eth0", b, "eth0")
    a:address("eth0", "10.0.0.1/24", "fd00::1/64")
    b:address("eth0", "10.0.0.2/24", "fd00::2/64")
    a:settle("eth0")
    b:settle("eth0")
  end)

  after_each(function() network:close() end)

  -- A socket in a host that notes the numbers it hears.
  local function listener(host)
    local seen = {} -- how often each came
    local socket = host:listener({ type = "udp4", recvBufferSize = 1024 * 1024 }, {},
      function(msg)
        local number = tonumber(msg:match("^%d+"))
        seen[number] = (seen[number] or 0) + 1
        return number
      end)
    socket.seen = seen
    return socket
  end

  -- A bound socket in host a.
  local function sender(address)
    return a:socket("udp4", { address = address })
  end

  -- Sends a datagram and returns its outcome.
  local function outcome(socket, msg, port)
    local result
    socket:send(msg, port or PORT, "10.0.0.2", function(err)
      result = err and err.code or "sent"
    end)
    Network.wait(function() return result end)
    return result
  end

  it("that goes down refuses sends, and works when it is up again", function()
    helper.run(function()
      local server, socket = listener(b), sender("10.0.0.1")
      assert.equal("sent", outcome(socket, "1"))
      a:run("ip link set eth0 down")
      assert.equal("ENETUNREACH", outcome(socket, "2"))
      assert.equal("ENETUNREACH", outcome(socket, "3"))
      a:run("ip link set eth0 up")
      a:settle("eth0")
      assert.equal("sent", outcome(socket, "4"))
      Network.wait(function() return #server.heard == 2 end)
      assert.same({ 1, 4 }, server.heard)
      helper.close(server, socket)
    end)
  end)

  it("that goes away takes no socket with it", function()
    helper.run(function()
      local server, socket = listener(b), sender("10.0.0.1")
      a:call(socket.addMembership, socket, "239.1.2.3", "eth0")
      assert.equal("sent", outcome(socket, "1"))
      Network.wait(function() return #server.heard == 1 end)
      a:run("ip link del eth0")
      assert.not_equal("sent", outcome(socket, "2"))
      local ok, err = a:call(pcall, socket.dropMembership, socket,
        "239.1.2.3", "eth0")
      assert.is_false(ok)
      assert.is_string(err.code)
      network:cable(a, "eth0", b, "eth0")
      a:address("eth0", "10.0.0.1/24")
      b:address("eth0", "10.0.0.2/24")
      a:settle("eth0")
      b:settle("eth0")
      assert.equal("sent", outcome(socket, "3"))
      Network.wait(function() return #server.heard == 2 end)
      assert.same({ 1, 3 }, server.heard)
      helper.close(server, socket)
    end)
  end)

  it("that loses its address leaves other addresses alone", function()
    a:run("ip addr add 10.0.0.9/24 dev eth0")
    helper.run(function()
      local server = listener(b)
      local gone, stays = sender("10.0.0.1"), sender("10.0.0.9")
      a:run("sysctl -q -w net.ipv4.conf.eth0.promote_secondaries=1", true)
      a:run("ip addr del 10.0.0.1/24 dev eth0")
      a:run("ip addr add 10.0.0.9/24 dev eth0", true)
      assert.is_string(outcome(gone, "1"))
      assert.equal("sent", outcome(stays, "2"))
      Network.wait(function() return server.seen[2] end)
      helper.close(gone, stays, server)
    end)
  end)

  it("that is down has no multicast, and says so", function()
    a:run("ip link set eth0 down")
    helper.run(function()
      local socket = sender("0.0.0.0")
      local result
      socket:setMulticastInterface("10.0.0.1")
      socket:send("x", PORT, "239.1.2.3", function(err) result = err.code end)
      Network.wait(function() return result end)
      assert.equal("ENETUNREACH", result)
      socket:close()
    end)
  end)

  it("that loses every third datagram costs those alone", function()
    b:run("nft add table ip t")
    b:run("nft 'add chain ip t i { type filter hook input priority 0; }'")
    b:run("nft 'add rule ip t i udp dport 5000 numgen inc mod 3 == 0 drop'")
    helper.run(function()
      local server, socket = listener(b), sender("10.0.0.1")
      for i = 1, 300 do
        socket:send(("%d:"):format(i) .. ("x"):rep(i), PORT, "10.0.0.2")
      end
      Network.wait(function() return #server.heard >= 200 end)
      assert.equal(200, #server.heard)
      for i = 2, 200 do
        assert.is_true(server.heard[i] > server.heard[i - 1])
      end
      helper.close(server, socket)
    end)
  end)

  it("that doubles datagrams makes two messages of one", function()
    a:run("nft add table ip t")
    a:run("nft 'add chain ip t o { type filter hook postrouting "
      .. "priority 0; }'")
    a:run("nft add rule ip t o udp dport 5000 dup to 10.0.0.2 device eth0")
    helper.run(function()
      local server, socket = listener(b), sender("10.0.0.1")
      for i = 1, 50 do
        socket:send(("%d:"):format(i) .. ("x"):rep(i), PORT, "10.0.0.2")
      end
      Network.wait(function() return #server.heard >= 100 end)
      for i = 1, 50 do assert.equal(2, server.seen[i]) end
      helper.close(server, socket)
    end)
  end)

  it("that reorders delivers everything, in the order of arrival", function()
    network:cable(a, "eth1", b, "eth1")
    a:address("eth1", "10.0.1.1/24")
    b:address("eth1", "10.0.1.2/24")
    a:settle("eth1")
    b:settle("eth1")
    a:run("tc qdisc add dev eth1 root tbf rate 1mbit burst 2kb limit 1mb")
    a:run("ip rule add fwmark 5 table 5")
    a:run("ip route add 10.0.0.2 via 10.0.1.2 dev eth1 table 5")
    a:run("nft add table ip t")
    a:run("nft 'add chain ip t o { type route hook output priority 0; }'")
    a:run("nft 'add rule ip t o udp dport 5000 numgen inc mod 2 == 0 "
      .. "meta mark set 5'")
    helper.run(function()
      local server, socket = listener(b), sender("10.0.0.1")
      for i = 1, 60 do
        socket:send(("%d:"):format(i) .. ("x"):rep(300 + i), PORT, "10.0.0.2")
      end
      Network.wait(function() return #server.heard >= 60 end)
      local swaps = 0
      for i = 1, 60 do
        assert.equal(1, server.seen[i])
        if i > 1 and server.heard[i] < server.heard[i - 1] then
          swaps = swaps + 1
        end
      end
      assert.is_true(swaps > 0, "nothing was reordered")
      helper.close(server, socket)
    end)
  end)
end)
