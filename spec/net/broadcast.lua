-- Broadcast, with and without permission. Run by `make test-net`.
local Network = require "spec.net.network"
local dgram = require "dgram"
local helper = require "spec.support.helper"

local PORT = 5000

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

  -- A socket in a host that notes what it hears.
  local function listener(host)
    return host:call(function()
      local socket = dgram.createSocket("udp4")
      socket.heard = {}
      socket:on("message", function(msg) table.insert(socket.heard, msg) end)
      socket:bindSync { port = PORT }
      return socket
    end)
  end

  for _, address in ipairs { "10.0.0.255", "255.255.255.255" } do
    it(("to %s needs permission, and reaches everybody"):format(address),
      function()
        helper.run(function()
          local one, two = listener(b), listener(c)
          local socket = a:call(function()
            local made = dgram.createSocket("udp4")
            made:bindSync {}
            return made
          end)
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
      local server = listener(b)
      server:on("message", function(msg)
        server:send(msg, PORT, "10.0.0.255") -- a spoofed sender, answered
      end)
      local socket = a:call(function()
        local made = dgram.createSocket("udp4")
        made:bindSync {}
        return made
      end)
      for _ = 1, 3 do socket:send("x", PORT, "10.0.0.2") end
      Network.wait(function() return server:stats().sendErrors == 3 end)
      assert.equal(3, #server.heard)
      helper.close(server, socket)
    end)
  end)

  it("to some hosts only is not heard by a socket of another address",
    function()
      helper.run(function()
        local bound = b:call(function()
          local socket = dgram.createSocket("udp4")
          socket.heard = {}
          socket:on("message", function(msg)
            table.insert(socket.heard, msg)
          end)
          socket:bindSync { port = PORT, address = "10.0.0.2" }
          return socket
        end)
        local socket = a:call(function()
          local made = dgram.createSocket("udp4")
          made:bindSync {}
          made:setBroadcast(true)
          return made
        end)
        socket:send("to all", PORT, "10.0.0.255")
        socket:send("to you", PORT, "10.0.0.2")
        Network.wait(function() return #bound.heard > 0 end)
        assert.same({ "to you" }, bound.heard)
        helper.close(bound, socket)
      end)
    end)
end)
