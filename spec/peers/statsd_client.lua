-- examples/statsd_client.lua tells examples/statsd_server.lua, and socat.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"

describe("statsd_client.lua", function()
  local network, server, client

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  -- Has the client send, and checks what it says.
  local function send(on, said, ...)
    local program = peers.example(on, "statsd_client.lua", ...)
    assert.equal(said, program:line())
    assert.equal(0, program:wait())
  end

  it("sends metrics; the server refuses what is no number", function()
    helper.run(function()
      local program = peers.example(server, "statsd_server.lua", "8125", helper.path(), "60")
      program:line("^listening")
      local metrics = { "odd:1|c|@0.1" }
      for _, text in ipairs { "nan", "inf", "1e999", "0x10", "", "1:2", "--1", "." } do
        metrics[#metrics + 1] = "odd:" .. text .. "|c"
      end
      send(client, "sent 9 metrics in 1 datagrams", "10.0.0.1:8125", table.unpack(metrics))
      program.process:kill("sigint")
      assert.equal("-- 1 metrics, 8 lines refused, 0 datagrams lost", program:line())
      assert.equal("counter odd 10 (0.166667/s)", program:line())
      assert.equal(0, program:wait())
    end, 60)
  end)

  it("fills datagrams, over UDP and a unix socket", function()
    peers.need(pending, "socat")
    helper.run(function()
      local path, metric = helper.path(), ("x"):rep(500) .. ":1|c"
      for where, to in pairs { ["UDP4-RECV:8125"] = "10.0.0.1:8125",
        ["UNIX-RECV:" .. path] = path } do
        local socat = peers.start(server, "socat -u -d -d -x " .. where .. " OPEN:/dev/null")
        socat:line("starting data transfer")
        local from = to == path and server or client
        send(from, "sent 3 metrics in 2 datagrams", to, metric, metric, metric)
        assert.equal("1009", socat:line("length=(%d+) "))
        assert.equal("504", socat:line("length=(%d+) "))
        socat:stop()
      end
    end, 60)
  end)

  it("sends to a port of this host when none is named", function()
    helper.run(function()
      local program = peers.example(server, "statsd_server.lua", "8125", helper.path(), "60")
      program:line("^listening")
      send(server, "sent 2 metrics in 1 datagrams", "8125", "hits:1|c", "load:17|g")
      program.process:kill("sigint")
      assert.equal("-- 2 metrics, 0 lines refused, 0 datagrams lost", program:line())
      assert.equal(0, program:wait())
    end, 60)
  end)

  it("says so when nobody is there", function()
    helper.run(function()
      send(client, "send ENOENT /no/such/path", "/no/such/path", "x:1|c")
      send(client, "sent 1 metrics in 1 datagrams", "10.0.0.1:8125", "x:1|c")
    end, 60)
  end)
end)
