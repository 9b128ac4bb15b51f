-- Many datagrams at once over real links: trains through a router, links that
-- are slow, full, or forbid. Run by `make test-net`.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"

local PORT = Network.PORT

-- A socket in a host that notes numbers at the head of what it hears.
local function listener(host, kind)
  local socket = host:listener({ type = kind or "udp4", recvBufferSize = 1024 * 1024 },
    {}, function(msg) return tonumber(msg:match("^%d+")) end)
  socket:on("message", function(msg) socket.size = #msg end)
  return socket
end

-- Sends numbered datagrams of a size; returns the table of outcomes to come.
local function burst(socket, count, size, address)
  local outcomes = {}
  for i = 1, count do
    local text = ("%06d"):format(i)
    socket:send(text .. ("x"):rep(size - 6), PORT, address, function(err)
      outcomes[#outcomes + 1] = err and err.code or "sent"
    end)
  end
  return outcomes
end

-- Asserts that numbers came in order, each once; returns how many.
local function check_order(heard)
  for i = 2, #heard do
    assert(heard[i] > heard[i - 1], heard[i] .. " after " .. heard[i - 1])
  end
  return #heard
end

describe("trains", function()
  local network, a, b

  before_each(function()
    network = Network.new()
    local router
    a, router, b = network:routed()
    assert(router)
  end)

  after_each(function() network:close() end)

  for kind, address in pairs { udp4 = "10.0.1.2", udp6 = "fd00:1::2" } do
    for _, size in ipairs { 6, 100, 1200, 1472 - (kind == "udp6" and 20 or 0) }
    do
      it(("of %d bytes pass a router (%s)"):format(size, kind), function()
        helper.run(function()
          local server, socket = listener(b, kind), a:socket(kind)
          for round = 1, 5 do
            burst(socket, 100, size, address)
            Network.wait(function() return #server.heard == round * 100 end)
          end
          for round = 0, 4 do
            for i = 1, 100 do
              assert.equal(i, server.heard[round * 100 + i])
            end
          end
          assert.equal(size, server.size)
          assert.is_true(socket:stats().gso > 1, "no trains were used")
          helper.close(server, socket)
        end)
      end)
    end
  end

  it("are taken apart for a link that cannot carry them whole", function()
    a:run("ip link set eth0 gso_max_segs 1")
    helper.run(function()
      local server, socket = listener(b), a:socket("udp4")
      burst(socket, 150, 200, "10.0.1.2")
      Network.wait(function() return #server.heard == 150 end)
      assert.equal(150, check_order(server.heard))
      helper.close(server, socket)
    end)
  end)

  it("wait for a slow link: real EAGAIN, no loss, no spinning", function()
    a:run("tc qdisc add dev eth0 root tbf rate 8mbit burst 4kb limit 3mb")
    helper.run(function()
      local adapter, wakeups = traffic.counting()
      local server, socket = listener(b), a:socket { type = "udp4", loop = adapter }
      local outcomes = burst(socket, 400, 1000, "10.0.1.2")
      local queued = socket:getSendQueueCount()
      Network.wait(function() return #outcomes == 400 end, 10)
      Network.wait(function() return #server.heard == 400 end, 10)
      assert.is_true(queued > 0, "the link was never full")
      for _, outcome in ipairs(outcomes) do assert.equal("sent", outcome) end
      assert.equal(400, check_order(server.heard))
      assert.is_true(wakeups() > 0 and wakeups() < 400, wakeups() .. " wake-ups")
      helper.close(server, socket)
    end, 20)
  end)

  it("that a slow link holds up end with the socket", function()
    a:run("tc qdisc add dev eth0 root tbf rate 64kbit burst 2kb limit 3mb")
    helper.run(function()
      local server, socket = listener(b), a:socket("udp4")
      local outcomes = burst(socket, 400, 1400, "10.0.1.2")
      socket:close(helper.expect(function()
        assert.equal(400, #outcomes)
        local canceled = 0
        for i, outcome in ipairs(outcomes) do
          assert.is_true(outcome == "sent" or outcome == "ECANCELED", outcome)
          assert.is_true(outcome ~= "sent" or canceled == 0, "order: " .. i)
          canceled = canceled + (outcome == "ECANCELED" and 1 or 0)
        end
        assert.is_true(canceled > 0)
        server:close()
      end))
    end)
  end)

  it("meet a firewall that forbids some: EPERM for those alone", function()
    a:run("nft add table ip t")
    a:run("nft 'add chain ip t o { type filter hook output priority 0; }'")
    a:run("nft 'add rule ip t o udp dport 5000 numgen inc mod 3 == 0 drop'")
    helper.run(function()
      local server, socket = listener(b), a:socket("udp4")
      local outcomes = {}
      for i = 1, 90 do -- all sizes differ: no trains, 64 messages a call
        socket:send(("%06d"):format(i) .. ("x"):rep(i), PORT, "10.0.1.2",
          function(err) outcomes[i] = err and err.code or "sent" end)
      end
      Network.wait(function() return #outcomes == 90 end)
      local sent, at = 0, 1
      for i = 1, 90 do if outcomes[i] == "sent" then sent = sent + 1 end end
      Network.wait(function() return #server.heard >= sent end)
      assert.equal(sent, check_order(server.heard))
      for i = 1, 90 do
        assert.is_true(outcomes[i] == "sent" or outcomes[i] == "EPERM")
        if outcomes[i] == "sent" then
          assert.equal(i, server.heard[at])
          at = at + 1
        end
      end
      helper.close(server, socket)
    end)
  end)
end)
