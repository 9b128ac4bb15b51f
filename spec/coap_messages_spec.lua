-- CoAP's message layer, examples/coap_messages.lua, on loopback: duplicates, resets,
-- retransmissions, hostile packets.
package.path = "examples/?.lua;" .. package.path
local Messages = require "coap_messages"
local coap = require "coap"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local uv = require "luv"

-- A message as a datagram, with what is not given.
local function encode(fields)
  fields.type, fields.code = fields.type or "CON", fields.code or "0.01"
  return coap.encode(fields)
end

describe("CoAP's messages:", function()
  local messages, client, inbox, port, served

  -- Sends datagrams to the message layer, one by one.
  local function send(...)
    for _, datagram in ipairs { ... } do client:send(datagram, port, "127.0.0.1") end
  end

  -- The next message that the client hears.
  local function heard()
    local datagram = table.remove(helper.fill(inbox), 1).msg
    return assert(coap.decode(datagram))
  end

  -- The next that is a confirmation or a reset.
  local function settled()
    local message
    repeat message = heard() until message.type ~= "NON"
    return message
  end

  -- Asks for nothing (a ping); all that was sent before has been worked off then.
  local function ping()
    send(encode { code = "0.00", id = 65535 })
    assert.same({ type = "RST", code = "0.00", id = 65535, token = "", options = {},
      payload = "" }, settled())
  end

  -- A body with a message layer and a client; both are closed.
  local function layer(name, body)
    it(name, function()
      helper.run(function()
        served = 0
        local socket = dgram.createSocket { type = "udp4", recvInfo = { "localAddress" } }
        port = socket:bindSync().port
        messages = Messages.new(socket, function(request)
          served = served + 1
          return { code = "2.05", payload = request.payload .. served }
        end)
        client, inbox = helper.bound("udp4")
        body()
        helper.close(client, messages)
      end)
    end)
  end

  layer("a request that wants it is answered with its confirmation", function()
    send(encode { id = 7, token = "to", payload = "x" })
    assert.same({ type = "ACK", code = "2.05", id = 7, token = "to", options = {},
      payload = "x1" }, heard())
    send(encode { type = "NON", id = 8, token = "ken", payload = "y" })
    local answer = heard()
    assert.same({ "NON", "ken", "y2" }, { answer.type, answer.token, answer.payload })
  end)

  layer("a duplicate has the same answer, one that needs no answer has none", function()
    local confirmable, other = encode { id = 7 }, encode { type = "NON", id = 8 }
    send(confirmable, other, confirmable, other, other, confirmable)
    assert.equal("1", heard().payload)
    assert.equal("2", heard().payload)
    assert.equal("1", heard().payload)
    assert.equal("1", heard().payload)
    ping()
    assert.equal(2, served)
  end)

  layer("duplicates are known in a flood, and when much has come since", function()
    messages.MAX_ANSWERS = 3
    for id = 1, 5 do send(encode { id = id }) end
    for id = 1, 5 do assert.equal(tostring(id), heard().payload, id) end
    send(encode { id = 3 })
    assert.equal("3", heard().payload)
    for id = 11, 20 do send(encode { id = id }) end
    for _ = 11, 20 do heard() end
    send(encode { id = 3 })
    assert.equal("16", heard().payload) -- forgotten: memory is bounded
  end)

  layer("requests from two sockets or to two addresses are two", function()
    local other, others = helper.bound("udp4")
    other:send(encode { id = 7 }, port, "127.0.0.1")
    helper.fill(others)
    send(encode { id = 7 })
    assert.equal("2", heard().payload)
    client:send(encode { id = 7 }, port, "127.0.0.2")
    assert.equal("3", heard().payload)
    other:close()
  end)

  layer("what is no request is reset if it wants an answer, else left alone", function()
    send(encode { code = "2.05", id = 9 }, "\73\1\1\2", encode { code = "7.01", id = 11 })
    for _, id in ipairs { 9, 258, 11 } do
      local message = heard()
      assert.same({ "RST", "0.00", id }, { message.type, message.code, message.id })
    end
    send("", "\64", "\64\1\1", "\89\1\1\2", "\105\1\1\2", "\121\1\1\2", "\192\1\1\2",
      encode { type = "NON", code = "2.05", id = 1 }, encode { type = "ACK", id = 1 },
      encode { type = "NON", code = "0.00", id = 1 }, encode { type = "RST", id = 1 })
    ping()
    assert.equal(0, served)
  end)

  layer("hostile packets: each one is answered, reset, or left alone", function()
    math.randomseed(7252)
    local sample = encode { id = 1, token = "token", payload = "payload",
      options = { { 11, ("p"):rep(20) }, { 12, "\40" }, { 300, ("x"):rep(300) } } }
    for _ = 1, 50 do
      for _ = 1, 40 do
        local bytes = { sample:byte(1, math.random(#sample)) }
        for _ = 1, math.random(0, 4) do bytes[math.random(#bytes)] = math.random(0, 255) end
        local packet = string.char((table.unpack or unpack)(bytes))
        local message, _, broken = coap.decode(packet)
        send(packet)
        if broken then
          local reset = settled()
          assert.same({ "RST", broken }, { reset.type, reset.id })
        elseif message and message.type == "CON" then
          assert.equal(message.id, settled().id)
        end
      end
      ping()
    end
  end)

  -- Delivers, and returns a table that has the outcome when there is one.
  local function deliver(compose)
    local result = {}
    dgram.async(function()
      result.outcome = messages:deliver(compose, { address = "127.0.0.1",
        port = client:address().port, localAddress = "127.0.0.1" }) or "none"
    end)()
    return result
  end

  -- The same message each time.
  local function constant()
    local message = { code = "2.05", payload = "news" }
    return function() return message end
  end

  for _, kind in ipairs { "ACK", "RST" } do
    layer("what is delivered ends with the client's " .. kind, function()
      local result = deliver(constant())
      local message = heard()
      assert.same({ "CON", "news" }, { message.type, message.payload })
      send(encode { type = kind, code = "0.00", id = (message.id + 1) % 65536 }) -- not it
      ping()
      assert.is_nil(result.outcome)
      send(encode { type = kind, code = "0.00", id = message.id })
      helper.wait(function() return result.outcome end)
      assert.equal(kind, result.outcome)
      assert.same({}, messages.waiting)
    end)
  end

  layer("what is not confirmed comes again, each time after twice as long", function()
    messages.ACK_TIMEOUT, messages.MAX_RETRANSMIT = 20 * helper.PATIENCE, 3
    local times = {}
    client:on("message", function() times[#times + 1] = uv.hrtime() / 1e6 end)
    uv.update_time() -- luv's timers count from the turn's begin
    local begin, result = uv.hrtime() / 1e6, deliver(constant())
    local first = heard()
    for _ = 1, 3 do assert.same(first, heard()) end
    helper.wait(function() return result.outcome end)
    assert.equal("none", result.outcome)
    assert.same({}, inbox)
    for i, least in ipairs { 19, 19 + 39, 19 + 39 + 79 } do -- a busy machine hears late
      assert.is_true(times[i + 1] - begin >= least, times[i + 1] - begin)
    end
  end)

  layer("news takes the place of what was not confirmed, with an id of its own", function()
    messages.ACK_TIMEOUT = 20 * helper.PATIENCE
    local news, message = "old", { code = "2.05", payload = "old" }
    local result = deliver(function()
      if message and message.payload ~= news then
        message = news and { code = "2.05", payload = news }
      end
      return message
    end)
    local old = heard()
    news = "new"
    helper.wait(function() return inbox[1] and coap.decode(inbox[#inbox].msg).payload == "new" end)
    send(encode { type = "ACK", code = "0.00", id = old.id }) -- of what is no more
    assert.is_nil(result.outcome)
    news = nil
    helper.wait(function() return result.outcome end)
    assert.equal("none", result.outcome)
    assert.same({}, messages.waiting)
  end)

  layer("nothing is sent again when it is closed", function()
    messages.ACK_TIMEOUT = 20 * helper.PATIENCE
    local result = deliver(constant())
    messages:close()
    helper.wait(function() return result.outcome end)
    assert.equal("none", result.outcome)
    messages.close = function() end
  end)
end)
