-- Batches and backpressure: sendMany, flush, pause, 'drain', limits, counters.
local dgram = require "dgram"
local helper = require "spec.helper"
local uv = require "luv"

-- Makes n messages, each with its number.
local function numbered(n, size)
  local list = {}
  for i = 1, n do
    local text = tostring(i)
    list[i] = text .. (" "):rep((size or #text) - #text)
  end
  return list
end

-- Binds a receiver that notes its messages, with room for many.
local function receiver(options)
  local socket, heard = dgram.createSocket(options or "udp4"), {}
  socket:on("message", function(msg) heard[#heard + 1] = msg end)
  socket:bindSync(socket.type == "udp4" and { address = "127.0.0.1" }
    or { path = helper.path() })
  socket:setRecvBufferSize(4 * 1024 * 1024)
  return socket, heard, socket:address()
end

-- Closes sockets when as many messages as sent were heard, and compares.
local function finish(sent, heard, ...)
  helper.wait(function() return #heard >= #sent end)
  assert.same(sent, heard)
  for _, socket in ipairs { ... } do socket:close() end
end

describe("sendMany", function()
  -- How each kind of socket says where the messages go.
  local targets = {
    udp4 = function(client, list, to, cb)
      return client:sendMany(list, to.port, to.address, cb)
    end,
    unix_dgram = function(client, list, to, cb)
      return client:sendMany(list, to.address, cb)
    end,
  }

  for kind, send in pairs(targets) do
    it("sends each string as a datagram of its own: " .. kind, function()
      helper.run(function()
        local server, heard, to = receiver(kind)
        local client = dgram.createSocket(kind)
        local list = numbered(kind == "udp4" and 700 or 8)
        send(client, list, to, helper.expect(function(err, count)
          assert.is_nil(err)
          assert.equal(#list, count)
        end))
        finish(list, heard, server, client)
      end)
    end)
  end

  it("goes to the peer of a connected socket, and takes no port then", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      client:connect(to.port, to.address, helper.expect(function()
        local err = helper.raised(client.sendMany, client, { "x" }, to.port)
        assert.equal("ERR_SOCKET_DGRAM_IS_CONNECTED", err.code)
        client:sendMany(numbered(3), helper.expect())
      end))
      finish(numbered(3), heard, server, client)
    end)
  end)

  it("counts what went, and tells the first error once", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      local list = { "a", ("x"):rep(65508), "b", ("y"):rep(65508) }
      client:sendMany(list, to.port, to.address, helper.expect(
        function(err, count)
          assert.equal("EMSGSIZE", err.code)
          assert.equal(2, count)
        end))
      finish({ "a", "b" }, heard, server, client)
    end)
  end)

  it("looks a name up once, and counts nothing when there is none", function()
    helper.run(function()
      local asked = 0
      local client = dgram.createSocket { type = "udp4",
        lookup = function(host, _, done)
          asked = asked + 1
          if host == "0.0.0.0" then return done(nil, host) end
          done({ code = "ENOTFOUND" })
        end }
      client:sendMany(numbered(5), 9, "nowhere.test", helper.expect(
        function(err, count)
          assert.equal("ENOTFOUND", err.code)
          assert.equal(0, count)
          assert.equal(2, asked) -- the bind address and the name
          client:close()
        end))
    end)
  end)

  it("of nothing calls back with 0", function()
    helper.run(function()
      local client = dgram.createSocket("udp4")
      client:sendMany({}, 9, helper.expect(function(err, count)
        assert.is_nil(err)
        assert.equal(0, count)
        client:close()
      end))
    end)
  end)

  it("names the message that is no string", function()
    local client = dgram.createSocket("udp4")
    local err = helper.raised(client.sendMany, client, { "a", 5 }, 9)
    helper.has({ code = "ERR_INVALID_ARG_TYPE", name = "TypeError" }, err)
    assert.truthy(err.message:find("messages[2]", 1, true))
    client:close()
  end)
end)

describe("a train", function()
  -- Sizes of neighbours, in orders that make and break trains.
  local mixtures = {
    ["equal"] = { 64, 64, 64, 64 },
    ["the last one shorter"] = { 100, 100, 100, 7 },
    ["growing"] = { 1, 2, 3, 4, 5 },
    ["with nothing between"] = { 50, 50, 0, 50, 50, 0 },
    ["as large as they may be"] = { 65507, 1, 1, 65507 },
  }

  for name, sizes in pairs(mixtures) do
    for _, favours in ipairs { true, false } do
      it(("arrives as sent: %s, gso and gro %s"):format(name, favours),
        function()
          helper.run(function()
            local server, heard, to = receiver { type = "udp4", gro = favours }
            local client = dgram.createSocket { type = "udp4", gso = favours }
            local sent = {}
            for i = 1, 40 do
              local size = sizes[(i - 1) % #sizes + 1]
              sent[i] = string.char(64 + i):rep(size)
              client:send(sent[i], to.port, to.address)
            end
            finish(sent, heard, server, client)
          end)
        end)
    end
  end
end)

describe("pause", function()
  it("keeps what arrives, in order, and costs no time", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      server:pause()
      client:sendMany(numbered(300), to.port, to.address)
      local turns = 0
      local spin = uv.new_prepare()
      spin:start(function() turns = turns + 1 end)
      spin:unref()
      local timer = uv.new_timer()
      timer:start(30, 0, helper.expect(function()
        timer:close()
        spin:close()
        server:resume()
        assert.equal(0, #heard)
        assert.is_true(turns < 20, "a paused socket spins: " .. turns)
      end))
      finish(numbered(300), heard, server, client)
    end)
  end)

  it("in the middle of a burst loses nothing", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      server:on("message", function()
        if #heard % 50 ~= 0 or #heard == 300 then return end
        server:pause()
        local timer = uv.new_timer()
        timer:start(1, 0, function()
          timer:close()
          server:resume()
        end)
      end)
      client:sendMany(numbered(300), to.port, to.address)
      finish(numbered(300), heard, server, client)
    end)
  end)
end)

describe("backpressure", function()
  it("ends a loop of sends; 'drain' follows exactly once", function()
    helper.run(function()
      local server, _, to = receiver()
      local client = dgram.createSocket { type = "udp4", highWaterMark = 10000 }
      client:bindSync { address = "127.0.0.1" }
      local sent = 0
      client:on("drain", helper.expect(function()
        assert.equal(0, client:getSendQueueCount())
        client:close()
        server:close()
      end))
      while client:send(("x"):rep(100), to.port, to.address) do
        sent = sent + 1
        assert.is_true(sent < 1000)
      end
    end)
  end)

  it("comes to an end for a unix peer that does not read", function()
    helper.run(function()
      local server, heard, to = receiver("unix_dgram")
      local client = dgram.createSocket { type = "unix_dgram",
        highWaterMark = 5000 }
      local sent = {}
      server:pause()
      repeat sent[#sent + 1] = ("%03d"):format(#sent):rep(100)
      until not client:send(sent[#sent], to.address) or #sent > 500
      assert.is_true(#sent < 100)
      client:on("drain", helper.expect())
      server:resume()
      finish(sent, heard, server, client)
    end)
  end)

  it("refuses what exceeds maxQueue, and keeps the rest", function()
    helper.run(function()
      local server, heard, to = receiver("unix_dgram")
      local client = dgram.createSocket { type = "unix_dgram", maxQueue = 8000 }
      local refused, taken = 0, {}
      server:pause()
      for i = 1, 200 do
        client:send(tostring(i), to.address, function(err)
          if not err then taken[#taken + 1] = tostring(i) return end
          assert.equal("ENOBUFS", err.code)
          refused = refused + 1
        end)
      end
      helper.wait(function() return refused > 0 end)
      server:resume()
      helper.wait(function() return refused + #taken == 200 end)
      assert.equal(refused, client:stats().sendErrors)
      finish(taken, heard, server, client)
    end)
  end)

  it("tells a sender without callbacks once a turn", function()
    helper.run(function()
      local server, _, to = receiver("unix_dgram")
      local client = dgram.createSocket { type = "unix_dgram", maxQueue = 2000 }
      local errors = 0
      client:on("error", function(err)
        assert.equal("ENOBUFS", err.code)
        errors = errors + 1
        server:close()
        client:close()
      end)
      server:pause()
      for _ = 1, 500 do client:send("x", to.address) end
      helper.wait(function() return errors > 0 end)
      assert.equal(1, errors)
    end)
  end)
end)

describe("under load", function()
  it("timers and callbacks take turns", function()
    helper.run(function()
      local client, sent, ticks = dgram.createSocket("udp4"), 0, 0
      client:bindSync { address = "127.0.0.1" }
      local port = client:address().port
      local function again()
        sent = sent + 1
        if ticks < 5 then client:send("x", port, "127.0.0.1", again) end
      end
      local timer = uv.new_timer()
      timer:start(2, 2, function()
        ticks = ticks + 1
        if ticks < 5 then return end
        timer:close()
        client:close()
      end)
      for _ = 1, 256 do again() end
      helper.wait(function() return ticks == 5 end)
      assert.is_true(sent > 256)
    end)
  end)

  it("never calls back from inside send", function()
    helper.run(function()
      local client, inside = dgram.createSocket("udp4"), false
      client:bindSync { address = "127.0.0.1" }
      local verdict = helper.expect(1000, function() assert.is_false(inside) end)
      inside = true
      for _ = 1, 1000 do
        client:send("x", client:address().port, "127.0.0.1", verdict)
      end
      inside = false
      client:close()
    end)
  end)
end)

describe("stats", function()
  it("counts what went, what came, and what waits", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      client:sendMany({ "one", "three" }, to.port, to.address)
      client:send(("x"):rep(70000), to.port, to.address, helper.expect())
      helper.wait(function() return #heard == 2 end)
      local ours, theirs = client:stats(), server:stats()
      helper.has({ sent = 2, sentBytes = 8, sendErrors = 1, queued = 0,
        queuedBytes = 0, received = 0 }, ours)
      helper.has({ received = 2, receivedBytes = 8, dropped = 0, blocked = 0,
        truncated = 0, remoteErrors = 0 }, theirs)
      server:close()
      client:close()
    end)
  end)

  it("tells no trains when they were not wanted", function()
    local socket = dgram.createSocket { type = "udp4", gso = false, gro = false }
    socket:setTTL(64)
    helper.has({ gso = 0, gro = 0 }, socket:stats())
    socket:close()
  end)
end)
