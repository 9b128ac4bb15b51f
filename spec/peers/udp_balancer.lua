-- examples/udp_balancer.lua between socat and iperf3, as clients and as backends.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"

describe("udp_balancer.lua", function()
  local network, server, client, program

  before_each(function()
    network, server, client = peers.pair()
    client:address("eth0", "10.0.0.21/24", "10.0.0.22/24", "10.0.0.23/24", "10.0.0.24/24",
      "10.0.0.25/24", "10.0.0.26/24")
  end)
  after_each(function() network:close() end)

  local function balance(...)
    program = peers.example(server, "udp_balancer.lua", "9000", ...)
    program:line("^listening on port 9000$")
  end

  -- Starts a backend that answers with its name; socat serves each client on its own.
  local function backend(port, name)
    peers.need(pending, "socat")
    local child = peers.start(server,
      ("socat UDP4-RECVFROM:%d,fork,reuseaddr SYSTEM:'read x; echo %s'")
      :format(port, name))
    peers.listens(server, port)
    return child
  end

  -- Asks from an address, at another; returns the name that answers.
  local function ask(from, to)
    return peers.ask(client, ("UDP4:%s:9000,bind=%s"):format(to, from))
  end

  it("spreads clients, keeps each where it is, and moves those of a backend that ends", function()
    helper.run(function()
      local children = { one = backend(9001, "one"), two = backend(9002, "two") }
      balance("10.0.0.1:9001", "10.0.0.1:9002", "10.0.0.1:9003", "check=0.2", "idle=1")
      program:line("^10%.0%.0%.1:9003 is down$")
      local at, some = {}, {}
      for last = 21, 26 do
        at[last] = ask("10.0.0." .. last, "10.0.0.1")
        some[at[last]] = last
      end
      assert.truthy(some.one and some.two, "all are at one backend")
      for last, name in pairs(at) do
        assert.equal(name, ask("10.0.0." .. last, "10.0.0.9"))
      end
      children.two:stop()
      program:line("^10%.0%.0%.1:9002 is down$")
      for last in pairs(at) do assert.equal("one", ask("10.0.0." .. last, "10.0.0.1")) end
      children.two = backend(9002, "two")
      program:line("^10%.0%.0%.1:9002 is up$")
      assert.equal("two", ask("10.0.0." .. some.two, "10.0.0.1"))
      for _, child in pairs(children) do child:stop() end
      assert.equal(0, program:stop("sigint"))
    end, 60)
  end)

  it("forgets who is idle", function()
    helper.run(function()
      local one = backend(9001, "one")
      balance("10.0.0.1:9001", "idle=0.4", "check=0")
      local function sockets()
        local _, count = server:run("cat /proc/net/udp"):gsub("0100000A:2329 01", "")
        return count -- connected with 10.0.0.1:9001
      end
      local before = sockets()
      ask("10.0.0.21", "10.0.0.1")
      assert.equal(before + 1, sockets())
      Network.wait(function() return sockets() == before end, 20)
      one:stop()
      assert.equal(0, program:stop("sigint"))
    end, 60)
  end)

  -- iperf3's control connection is TCP, which goes round by socat.
  for direction, option in pairs { up = "", down = "-R" } do
    it("carries what iperf3 sends " .. direction, function()
      peers.need(pending, "iperf3", "socat")
      helper.run(function()
        local iperf = peers.start(server, "iperf3 -s -p 5202 -1 --forceflush")
        iperf:line("Server listening")
        local relay = peers.start(server,
          "socat -d -d TCP4-LISTEN:9000,fork,reuseaddr TCP4:127.0.0.1:5202")
        relay:line("listening on")
        balance("127.0.0.1:5202", "check=0")
        local text = peers.output(client,
          "iperf3 -u -c 10.0.0.1 -p 9000 -b 8M -l 1000 -t 1 --json " .. option, 30)
        local packets = tonumber(text:match('.*"packets":%s*(%d+)'))
        local lost = tonumber(text:match('.*"lost_packets":%s*(%d+)'))
        assert.is_true(packets > 500 and lost < packets / 10, text)
        iperf:wait()
        relay:stop()
        assert.equal(0, program:stop("sigint"))
      end, 60)
    end)
  end
end)
