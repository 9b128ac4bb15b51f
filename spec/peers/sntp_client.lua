-- examples/sntp_client.lua asks chronyd, and servers that lie.
package.path = "examples/?.lua;" .. package.path
local helper = require "spec.support.helper"
local ntp = require "ntp"
local peers = require "spec.support.peers"

describe("sntp_client.lua", function()
  local network, server, client

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  -- Starts chronyd, which sets no clock, with one directive more.
  local function chronyd(directive)
    local program = peers.start(server, peers.CHRONYD .. " -x -d -u root 'port 1123' 'allow' "
      .. "'cmdport 0' 'bindcmdaddress /' '" .. directive .. "' 'pidfile " .. helper.path() .. "'")
    peers.listens(server, 1123)
    return program
  end

  for _, address in ipairs { "10.0.0.1", "fd00::1" } do
    it("hears the time of chronyd at " .. address, function()
      peers.need(pending, peers.CHRONYD)
      helper.run(function()
        local program = chronyd("local stratum 8")
        local output
        for _ = 1, 4 do -- of a machine that is busy not each look is a good one
          local child = peers.example(client, "sntp_client.lua", address)
          output = child:line("^offset (%S+) s, delay 0%.")
          assert.equal(0, child:wait())
          if math.abs(tonumber(output)) < 100e-6 then break end
        end
        assert.is_true(math.abs(tonumber(output)) < 100e-6, output)
        program:stop()
      end, 60)
    end)
  end

  it("does not believe a chronyd whose clock is not set", function()
    peers.need(pending, peers.CHRONYD)
    helper.run(function()
      local program = chronyd("minsources 1")
      local child = peers.example(client, "sntp_client.lua", "10.0.0.1")
      assert.equal("the server's clock is not set", child:line())
      assert.equal(1, child:wait())
      program:stop()
    end, 60)
  end)

  -- A server that answers a request with what `lie(packet)` returns, packet being an
  -- honest answer of a clock that is 100 s ahead; returns what the client prints.
  local function told(lie)
    local line
    helper.run(function()
      local socket = server:socket("udp4", { port = 1123 })
      socket:on("message", function(msg, rinfo)
        local time = ntp.now() + 100
        local honest = { version = 4, mode = ntp.SERVER, stratum = 2, set = time,
          originate = msg:sub(41, 48), received = time, transmit = ntp.timestamp(time) }
        for _, packet in ipairs(lie(honest)) do socket:send(packet, rinfo.port, rinfo.address) end
      end)
      local child = peers.example(client, "sntp_client.lua", "10.0.0.1")
      line = child:line()
      child:wait()
      socket:close()
    end, 30)
    return line
  end

  it("passes over what answers no request of its own", function()
    local line = told(function(honest)
      local packet = ntp.encode(honest)
      local packets = {}
      for length = 0, 47 do packets[#packets + 1] = packet:sub(1, length) end
      honest.originate = "12345678"
      packets[#packets + 1] = ntp.encode(honest)
      packets[#packets + 1] = packet
      return packets
    end)
    assert.truthy(line:find("^offset %+100%.0") or line:find("^offset %+99%.9"), line)
  end)

  it("says why an answer is of no use", function()
    for text, change in pairs {
      ["the server says RATE"] = function(answer) answer.stratum, answer.reference = 0, "RATE" end,
      ["the server's clock is not set"] = function(answer)
        answer.stratum, answer.reference = 0, "\27[2J"
      end,
      ["this is no answer"] = function(answer) answer.mode = ntp.CLIENT end,
    } do
      assert.equal(text, told(function(honest)
        change(honest)
        return { ntp.encode(honest) }
      end))
    end
  end)

  it("asks again when there is no answer, and says so when nobody listens", function()
    local asked = 0
    local line = told(function(honest)
      asked = asked + 1
      return asked == 2 and { ntp.encode(honest) } or {}
    end)
    assert.equal(2, asked)
    assert.truthy(line:find("^offset %+"), line)
    helper.run(function()
      local child = peers.example(client, "sntp_client.lua", "10.0.0.1")
      assert.truthy(child:line():find("ECONNREFUSED", 1, true))
      assert.equal(1, child:wait())
    end, 30)
  end)
end)
