-- The backends of examples/udp_balancer.lua, examples/udp_backends.lua, on loopback: who
-- gets which, and what becomes of those that are gone.
package.path = "examples/?.lua;" .. package.path
local Backends = require "udp_backends"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"

describe("a balancer's backends", function()
  local backends, told

  -- Backends at these ports of loopback.
  local function new(seconds, ...)
    local names = {}
    for i, port in ipairs { ... } do names[i] = "127.0.0.1:" .. port end
    told = {}
    backends = Backends.new(names, seconds, "are you there?",
      function(text) told[#told + 1] = text end)
    return backends
  end

  -- Where a thousand clients are: client to name; how many are where.
  local function spread()
    local at, count = {}, {}
    for i = 1, 1000 do
      local name = backends:choose("10.0." .. i % 256 .. "." .. i).name
      at[i], count[name] = name, (count[name] or 0) + 1
    end
    return at, count
  end

  it("get a like share of the clients each, who stay", function()
    helper.run(function()
      new(0, 1001, 1002, 1003, 1004)
      local at, count = spread()
      for _, backend in ipairs(backends.list) do
        assert.is_true(count[backend.name] > 200 and count[backend.name] < 300)
      end
      assert.same(at, (spread()))
      backends:close()
    end)
  end)

  it("leave their clients to others only when they are gone, and get these back", function()
    helper.run(function()
      new(0, 1001, 1002, 1003)
      local before, gone = spread(), backends.list[2]
      gone.up = false
      local after, count = spread()
      assert.is_nil(count[gone.name])
      for i, name in ipairs(before) do
        if name ~= gone.name then assert.equal(name, after[i]) end
      end
      for _, backend in ipairs(backends.list) do backend.up = false end
      assert.same(before, (spread())) -- all are gone: one of them is as good
      gone.up = true
      for _, name in ipairs((spread())) do assert.equal(gone.name, name) end
      backends:close()
    end)
  end)

  it("are down as soon as nobody listens there, and up when somebody does", function()
    helper.run(function()
      local server, heard = helper.bound("udp4")
      new(0.02, server:address().port, traffic.closed_port())
      local there, away = backends.list[1], backends.list[2]
      helper.wait(function() return not away.up and #heard > 1 end)
      assert.equal("are you there?", heard[1].msg)
      assert.is_true(there.up)
      local second = dgram.createSocket("udp4")
      second:bindSync { address = "127.0.0.1", port = away.port }
      helper.wait(function() return away.up end)
      backends:refused(there)
      assert.is_false(there.up)
      helper.wait(function() return there.up end)
      assert.same({ away.name .. " is down", away.name .. " is up", there.name .. " is down",
        there.name .. " is up" }, told)
      backends:close()
      helper.close(server, second)
    end)
  end)

  it("are all there where nobody checks", function()
    helper.run(function()
      new(0, 1001)
      backends:refused(backends.list[1])
      assert.is_true(backends.list[1].up)
      backends:close()
    end)
  end)

  it("are addresses and ports", function()
    for _, name in ipairs { "", "x", "127.0.0.1", ":9", "127.0.0.1:", "[::1]:9", "a.test:9" } do
      assert.has_error(function() Backends.new({ name }, 0, "") end, name .. " is no ADDRESS:PORT")
    end
    assert.has_error(function() Backends.new({ "127.0.0.1:65536" }, 0, "") end)
    collectgarbage()
  end)
end)
