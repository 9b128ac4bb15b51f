-- examples/sntp_server.lua with chronyd and ntpdig, which share its clock: what they
-- find is the server's error. And how late it takes a request to have come when its
-- loop is busy, with and without the kernel's word.
package.path = "examples/?.lua;" .. package.path
local Child = require "spec.support.child"
local helper = require "spec.support.helper"
local ntp = require "ntp"
local peers = require "spec.support.peers"
local uv = require "luv"

-- A loop that turns once in 3 ms, on which other work is done.
local BUSY = [[
  local uv = require "luv"
  local timer = uv.new_timer()
  timer:unref()
  timer:start(1, 1, function()
    local stop = uv.hrtime() + 3e6
    repeat until uv.hrtime() >= stop
  end)
]]

-- The server as it would be without the kernel's word.
local WITHOUT = [[
  local dgram = require "dgram"
  local create = dgram.createSocket
  function dgram.createSocket(options)
    options.recvInfo = { "localAddress", "interface" }
    return create(options)
  end
]]

describe("sntp_server.lua", function()
  local network, server, client

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  -- A spec with the server running on an address, before it this code; Ctrl-C ends it.
  local function serving(where, code, name, body)
    it(name, peers.serving(function()
      return server:call(Child.lua, "-e", code, "examples/sntp_server.lua", "123", where)
    end, body))
  end

  for where, addresses in pairs(peers.ADDRESSES) do
    serving(where, "", "on " .. where .. " tells ntpdig the time", function()
      peers.need(pending, "ntpdig")
      for _, address in ipairs(addresses) do
        local output = peers.output(client, "ntpdig -t 3 " .. address)
        local offset, stratum = output:match("%(%+0000%) ([+-]%S+) %S+ %S+ %S+ s(%d+) no%-leap")
        assert.equal("10", stratum, output)
        assert.is_true(math.abs(tonumber(offset)) < 0.1, output)
      end
    end)

    serving(where, "", "on " .. where .. " tells our client the time", function()
      for _, address in ipairs(addresses) do
        local output = peers.output(client, uv.exepath() .. " examples/sntp_client.lua "
          .. address .. " 123")
        assert.is_true(math.abs(tonumber(output:match("^offset (%S+) s, delay"))) < 0.1, output)
      end
    end)
  end

  serving("0.0.0.0", BUSY, "is a clock to 100 µs for chronyd while its loop is busy", function()
    peers.need(pending, peers.CHRONYD)
    local error_of
    for _ = 1, 4 do -- of a machine that is busy, too, not each look is a good one
      local output = peers.output(client, peers.CHRONYD .. " -Q -u root -t 8 "
        .. "'server 10.0.0.1 iburst maxsamples 4' 'cmdport 0' 'bindcmdaddress /' "
        .. "'pidfile " .. helper.path() .. "'")
      error_of = tonumber(output:match("System clock wrong by (%S+) seconds"))
      assert(error_of, output)
      if math.abs(error_of) < 100e-6 then break end
    end
    assert.is_true(math.abs(error_of) < 100e-6, error_of .. " s")
  end)

  -- How much later than they left here the server says that requests came, in seconds;
  -- nine of ten are below that.
  local function lateness()
    local socket, inbox = client:socket("udp4"), {}
    local late = {}
    socket:on("message", function(msg) inbox[1] = msg end)
    for i = 1, 200 do
      local asked = ntp.now()
      inbox[1] = nil
      socket:send(ntp.encode { version = 4, mode = ntp.CLIENT, transmit = "12345678" },
        123, "10.0.0.1")
      late[i] = ntp.decode(helper.fill(inbox)[1], asked).received - asked
      helper.pass(i % 4)
    end
    socket:close()
    table.sort(late)
    assert.is_true(late[1] > -1e-6, late[1])
    return late[180]
  end

  serving("0.0.0.0", BUSY, "knows to 100 µs when a request came while its loop is busy", function()
    local late = math.huge
    for _ = 1, 4 do -- as above
      late = math.min(late, lateness())
      if late < 100e-6 then break end
    end
    assert.is_true(late < 100e-6, late .. " s")
  end)

  serving("0.0.0.0", BUSY .. WITHOUT, "would be late by far without the kernel", function()
    local late = lateness()
    assert.is_true(late > 1e-3, late .. " s")
  end)

  serving("0.0.0.0", "", "answers clients only, and serves on after hostile packets", function()
    math.randomseed(5905)
    local socket, inbox = client:socket("udp4"), {}
    socket:on("message", function(msg) inbox[#inbox + 1] = msg end)
    -- Sends a packet of which only the last has to be answered, the one with "last".
    local function send(packet) socket:send(packet, 123, "10.0.0.1") end
    local rest = ("x"):rep(39)
    for first = 0, 255 do send(string.char(first) .. rest .. "12345678") end
    for length = 0, 100 do
      local bytes = {}
      for i = 1, length do bytes[i] = string.char(math.random(0, 255)) end
      send(table.concat(bytes))
    end
    send("\27" .. rest .. "...last.")
    helper.wait(function()
      return inbox[1] and ntp.decode(inbox[#inbox], 0).originate == "...last."
    end)
    local answered = 0
    for _, msg in ipairs(inbox) do
      local answer = ntp.decode(msg, 0)
      assert.equal(ntp.SERVER, answer.mode)
      if answer.originate == "12345678" then answered = answered + 1 end
    end
    assert.equal(16, answered) -- four versions, each with four leaps
    socket:close()
  end)
end)
