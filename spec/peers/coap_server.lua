-- examples/coap_server.lua and coap-client: GET, PUT and observe, at each address of
-- the server; and what coap-client never says.
package.path = "examples/?.lua;" .. package.path
local Network = require "spec.net.network"
local coap = require "coap"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local peers = require "spec.support.peers"

local PROGRAM = host.has("coap-client-notls") and "coap-client-notls" or "coap-client"

describe("coap_server.lua", function()
  local network, server, client

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  -- What coap-client prints, asking at an address.
  local function ask(address, path, options)
    if address:find(":") then address = "[" .. address .. "]" end
    return peers.output(client, ("%s -B 3 %s coap://%s/%s"):format(PROGRAM, options or "",
      address, path))
  end

  -- A spec with the server running on an address; Ctrl-C ends it.
  local function serving(where, name, body)
    it(name, peers.serving(function()
      peers.need(pending, PROGRAM)
      return peers.example(server, "coap_server.lua", "5683", where)
    end, body))
  end

  for where, addresses in pairs(peers.ADDRESSES) do
    serving(where, "on " .. where .. " keeps what is put, and tells it", function()
      for i, address in ipairs(addresses) do
        local path = "heat/" .. i
        assert.truthy(ask(address, path):find("4.04", 1, true))
        assert.truthy(ask(address, path, "-m put -e cold -v 7"):find("2.01", 1, true))
        assert.truthy(ask(address, path, "-m put -e warm -v 7"):find("2.04", 1, true))
        assert.equal("warm", (ask(address, path):gsub("\n", "")))
        assert.truthy(ask(address, path, "-N -v 7"):find("warm", 1, true))
      end
    end)

    serving(where, "on " .. where .. " tells observers each change", function()
      for i, address in ipairs(addresses) do
        local path = "door/" .. i
        ask(address, path, "-m put -e shut")
        local bracketed = address:find(":") and "[" .. address .. "]" or address
        local observer = peers.start(client, ("%s -s 10 -w coap://%s/%s"):format(PROGRAM,
          bracketed, path))
        observer:line("^shut$")
        ask(address, path, "-m put -e open")
        observer:line("^open$")
        ask(address, path, "-m put -e ajar")
        observer:line("^ajar$")
        observer:stop()
      end
    end)
  end

  serving("0.0.0.0", "tells an observer through a link that loses packets", function()
    ask("10.0.0.1", "lamp", "-m put -e off")
    local observer = peers.start(client, PROGRAM .. " -s 30 -w coap://10.0.0.1/lamp")
    observer:line("^off$")
    client:run("nft add table inet t")
    client:run("nft 'add chain inet t i { type filter hook input priority 0; }'")
    client:run("nft add rule inet t i udp sport 5683 counter drop")
    local put = peers.start(server, PROGRAM .. " -m put -e on coap://10.0.0.1/lamp")
    assert.equal(0, (put:outcome(10)))
    Network.wait(function()
      return client:run("nft list table inet t"):find("packets 1 ", 1, true)
    end)
    client:run("nft delete table inet t")
    observer:line("^on$")
    observer:stop()
  end)

  serving("0.0.0.0", "refuses what it cannot do", function()
    assert.truthy(ask("10.0.0.1", "x", "-m delete"):find("4.05", 1, true))
    assert.truthy(ask("10.0.0.1", "x?query"):find("4.02", 1, true))
    ask("10.0.0.1", "x", "-m put -t 50 -e {}")
    assert.truthy(ask("10.0.0.1", "x", "-A 0"):find("4.06", 1, true))
    assert.equal("{}", (ask("10.0.0.1", "x", "-A 50"):gsub("\n", "")))
  end)

  -- A socket of the client's, with `ask(message)`, which returns the answer, and
  -- `heard`, what has come besides.
  local function asker()
    local socket = client:socket("udp4")
    local self = { heard = {}, answers = {}, close = function() socket:close() end }
    socket:on("message", function(datagram)
      local message = coap.decode(datagram)
      local list = message.type == "CON" and self.heard or self.answers
      list[#list + 1] = message
    end)
    function self.send(message) socket:send(coap.encode(message), 5683, "10.0.0.1") end
    function self.ask(message)
      message.type = "CON"
      self.send(message)
      return table.remove(helper.fill(self.answers), 1)
    end
    return self
  end

  local OBSERVE = { { coap.OBSERVE, "" }, { coap.PATH, "lamp" } }
  local PATH = { { coap.PATH, "lamp" } }

  serving("0.0.0.0", "tells nobody any more who resets what it tells, or ends it", function()
    local us, id = asker(), 0
    local function put(payload)
      id = id + 1
      us.ask { code = "0.03", id = id, options = PATH, payload = payload }
    end
    put("off")
    for i, finish in ipairs { "RST", "GET" } do
      local answer = us.ask { code = "0.01", id = 100 + i, token = "t", options = OBSERVE }
      assert.equal(1, #coap.values(answer, coap.OBSERVE))
      put("on" .. i)
      local message = table.remove(helper.fill(us.heard), 1)
      assert.same({ "on" .. i, "t" }, { message.payload, message.token })
      us.send { type = finish == "RST" and "RST" or "ACK", code = "0.00", id = message.id }
      if finish == "GET" then
        us.ask { code = "0.01", id = 200, token = "t",
          options = { { coap.OBSERVE, "\1" }, { coap.PATH, "lamp" } } }
      end
      put("off" .. i)
      put("off again")
      assert.same({}, us.heard)
    end
    us.close()
  end)

  serving("0.0.0.0", "has 1000 observers; who comes later is answered once", function()
    local us = asker()
    us.ask { code = "0.03", id = 0, options = PATH, payload = "off" }
    for i = 1, 1001 do
      local answer = us.ask { code = "0.01", id = i, token = coap.bytes(i), options = OBSERVE }
      assert.equal("off", answer.payload)
      assert.equal(i <= 1000 and 1 or 0, #coap.values(answer, coap.OBSERVE))
    end
    us.ask { code = "0.03", id = 1002, options = PATH, payload = "on" }
    helper.fill(us.heard, 1000)
    for _, message in ipairs(us.heard) do
      us.send { type = "ACK", code = "0.00", id = message.id }
    end
    us.ask { code = "0.01", id = 1003, options = PATH }
    assert.equal(1000, #us.heard)
    us.close()
  end)

  serving("0.0.0.0", "takes 1024 bytes, and 1000 resources, and serves on", function()
    local us = asker()
    -- Puts a payload; returns the code of the answer.
    local function put(id, payload)
      return us.ask({ code = "0.03", id = id, options = { { coap.PATH, "n" .. id } },
        payload = payload }).code
    end
    assert.equal("4.13", put(0, ("x"):rep(1025)))
    for id = 1, 1000 do assert.equal("2.01", put(id, ("x"):rep(id % 1024 + 1))) end
    assert.equal("5.03", put(1001, "x"))
    us.close()
  end)

  serving("0.0.0.0", "serves on after hostile packets", function()
    math.randomseed(5683)
    local socket = client:socket("udp4")
    local sample = coap.encode { type = "CON", code = "0.01", id = 1, token = "t",
      options = { { coap.OBSERVE, "" }, { coap.PATH, "lamp" }, { coap.ACCEPT, "" } },
      payload = "x" }
    ask("10.0.0.1", "lamp", "-m put -e off")
    for i = 1, 3000 do
      local bytes = { sample:byte(1, math.random(#sample)) }
      for _ = 1, math.random(0, 3) do bytes[math.random(#bytes)] = math.random(0, 255) end
      local packet = string.char((table.unpack or unpack)(bytes))
      client:call(socket.send, socket, packet, 5683, "10.0.0.1")
      if i % 300 == 0 then assert.equal("off", (ask("10.0.0.1", "lamp"):gsub("\n", ""))) end
    end
    socket:close()
  end)
end)
