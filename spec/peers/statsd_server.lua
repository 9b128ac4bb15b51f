-- examples/statsd_server.lua hears hot-shots, by UDP and by a unix socket.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"

local SUMS = {
  "counter shop.orders 4 (4/s)",
  "counter shop.tagged#shop:bern 1 (1/s)",
  "gauge shop.load 1.75",
  "histogram shop.size count 1 min 7 mean 7 p90 7 max 7",
  "set shop.users 2",
  "timer shop.query count 2 min 10 mean 20 p90 30 max 30",
}

describe("statsd_server.lua", function()
  local network, server, client, program, path

  before_each(function()
    network, server, client = peers.pair()
    path = helper.path()
  end)
  after_each(function() network:close() end)

  -- Reads what is printed of one interval: how many lines were refused, and the rest.
  local function flushed()
    local count, refused = program:line("^%-%- (%d+) metrics, (%d+) lines refused")
    local lines = {}
    for i = 1, tonumber(count) do lines[i] = program:line() end
    return lines, tonumber(refused)
  end

  -- Sums up the first interval that has metrics; Ctrl-C ends the program.
  local function sums()
    local lines, refused
    for _ = 1, 10 do
      lines, refused = flushed()
      if #lines > 0 then break end
    end
    assert.equal(0, program:stop("sigint"))
    return lines, refused
  end

  -- A spec: `send` sends, and these are the sums, and so many lines are refused.
  local function hears(what, send, expected, refusals)
    it("hears " .. what, function()
      helper.run(function()
        program = peers.example(server, "statsd_server.lua", "8125", path, "1")
        program:line("^listening on port 8125 and /")
        send()
        local lines, refused = sums()
        assert.same(expected, lines)
        assert.equal(refusals, refused)
        assert.is_nil(io.open(path))
      end, 60)
    end)
  end

  -- Has hot-shots send from a host, to what its arguments say.
  local function hot_shots(on, to)
    peers.need_package(pending, "hot-shots")
    assert.equal("sent\n", peers.output(on, "node spec/peers/statsd_server.js " .. to))
  end

  hears("hot-shots over UDP", function() hot_shots(client, "10.0.0.1 8125") end, SUMS, 1)
  hears("hot-shots over a unix socket", function() hot_shots(server, path) end, SUMS, 1)
end)
