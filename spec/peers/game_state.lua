-- examples/game_state.lua with two hundred players, who are a program for Node.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"

describe("game_state.lua", function()
  local network, server, client, program

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  local function start()
    program = peers.example(server, "game_state.lua", "5060", "300")
    program:line("^listening on port 5060$")
  end

  -- Ends the program; its clock has kept time.
  local function finish()
    program.process:kill("sigint")
    local ticks, seconds = program:line("^(%d+) ticks in ([%d.]+) seconds$")
    assert.is_true(math.abs(ticks / seconds - 60) < 6, ticks .. " in " .. seconds)
    assert.equal(0, program:wait())
  end

  -- A spec: players, who lose a part of what they hear and say, get sixty ticks each, all
  -- of them true; who comes late gets one whole, of three datagrams, at least.
  local function plays(what, players, loss)
    it("tells the truth to " .. what, function()
      peers.need(pending, "node")
      helper.run(function()
        start()
        local text = peers.output(client, ("node spec/peers/game_state.js 10.0.0.1 5060 %d 60 %s")
          :format(players, loss), 40)
        local function count(name) return tonumber(text:match('"' .. name .. '":(%d+)')) end
        assert.equal(players, count "players", text)
        assert.equal(0, count "wrong", text)
        assert.equal(3, count "parts", text)
        assert.is_true(count "fewest" >= 60, text)
        assert.is_true(count "whole" >= players, text)
        assert.equal(loss > 0, count "lost" > 0, text)
        finish()
      end, 60)
    end)
  end

  plays("two hundred players, sixty times a second", 200, 0)
  plays("players who lose a fifth", 20, 0.2)

  it("floods nobody who has not shown his token", function()
    helper.run(function()
      start()
      local socket = client:socket("udp4")
      local heard = {}
      socket:on("message", function(msg) heard[#heard + 1] = msg end)
      for _, text in ipairs { "ack 0 0", "ack 0 ", "ack -1 0", "ack x 0", "ack 99999999999 0",
        "ack 1e999 0", "", "ack", ("9"):rep(1000), "ack 0 0" } do
        socket:send(text, 5060, "10.0.0.1")
      end
      helper.wait(function() return #heard >= 2 end)
      assert.equal(0, program:stop("sigint"))
      assert.truthy(heard[1]:find("^token %x+$"))
      assert.same({ heard[1], heard[1] }, heard)
      socket:close()
    end, 60)
  end)
end)
