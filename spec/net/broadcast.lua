-- Broadcast, with and without permission. Run by `make test-net`.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"

local PORT = Network.PORT

describe("broadcast", function()
  local network, a, b, c

  before_each(function()
    network = Network.new()
    a, b, c = network:host(), network:host(), network:host()
    network:switch("eth0", a, b, c)
    for i, host in ipairs { a, b, c } do
      host:address("eth0", "10.0.0." .. i .. "/24")
      host:settle("eth0")
    end
    a:run("ip route add default dev eth0")
  end)

  after_each(function() network:close() end)

  for _, address in ipairs { "10.0.0.255", "255.255.255.255" } do
    it(("to %s needs permission, and reaches everybody"):format(address),
      function()
        helper.run(function()
          local one, two = b:listener("udp4"), c:listener("udp4")
          local socket = a:socket("udp4")
          socket:send("forbidden", PORT, address, helper.expect(function(err)
            assert.equal("EACCES", err.code)
            socket:setBroadcast(true)
            socket:send("allowed", PORT, address)
          end))
          Network.wait(function() return #one.heard > 0 and #two.heard > 0 end)
          assert.same({ "allowed" }, one.heard)
          assert.same({ "allowed" }, two.heard)
          socket:setBroadcast(false)
          socket:send("forbidden", PORT, address, helper.expect(function(err)
            assert.equal("EACCES", err.code)
            helper.close(one, two, socket)
          end))
        end)
      end)
  end

  it("that a handler sends without permission does not raise", function()
    helper.run(function()
      local server = b:listener("udp4")
      server:on("message", function(msg)
        server:send(msg, PORT, "10.0.0.255") -- a spoofed sender, answered
      end)
      local socket = a:socket("udp4")
      for _ = 1, 3 do socket:send("x", PORT, "10.0.0.2") end
      Network.wait(function() return server:stats().sendErrors == 3 end)
      assert.equal(3, #server.heard)
      helper.close(server, socket)
    end)
  end)

  it("to some hosts only is not heard by a socket of another address",
    function()
      helper.run(function()
        local bound = b:listener("udp4", { address = "10.0.0.2" })
        local socket = a:socket("udp4")
        socket:setBroadcast(true)
        socket:send("to all", PORT, "10.0.0.255")
        socket:send("to you", PORT, "10.0.0.2")
        Network.wait(function() return #bound.heard > 0 end)
        assert.same({ "to you" }, bound.heard)
        helper.close(bound, socket)
      end)
    end)
end)
