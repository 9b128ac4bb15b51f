-- Flow: flush, pause and resume, backpressure and 'drain', limits, counters.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local numbered, receiver, full_peer, slow_lookup, finish, assert_rests =
  traffic.numbered, traffic.receiver, traffic.full_peer, traffic.slow_lookup,
  traffic.finish, traffic.assert_rests

-- A lookup to which every name is known.
local function known(_, _, done) done(nil, "127.0.0.1") end

describe("flush", function()
  it("hands the queue over at once; callbacks come later", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client, inside = receiver(), true
      for i = 1, 5 do
        client:send(tostring(i), to.port, helper.expect(function()
          assert.is_false(inside)
        end))
      end
      assert.equal(4, client:getSendQueueCount())
      assert.equal(client, client:flush())
      assert.equal(0, client:getSendQueueCount())
      assert.equal(5, client:stats().sent)
      inside = false
      finish(numbered(5), heard, server, client)
    end)
  end)

  it("need not be called: what is much does not wait for the turn", function()
    helper.run(function()
      local server, _, to = receiver()
      local client = dgram.createSocket("udp4")
      client:bindSync { address = "127.0.0.1" }
      for size, most in pairs { [1] = 256, [60000] = 5 } do
        for _ = 1, 2 * most do
          client:send(("x"):rep(size), to.port, to.address)
          assert.is_true(client:getSendQueueCount() < most)
        end
        client:flush()
      end
      helper.close(server, client)
    end)
  end)

  it("leaves what waits for a bind or for the peer", function()
    helper.run(function()
      local server, heard, path = full_peer()
      local lookup, asked = slow_lookup()
      local binding = dgram.createSocket { type = "udp4", lookup = lookup }
      local client = dgram.createSocket("unix_dgram")
      binding:send("x", 9, helper.expect())
      assert.equal(1, binding:flush():getSendQueueCount())
      client:sendMany(numbered(50), path)
      for _ = 1, 5 do assert.is_true(client:flush():getSendQueueCount() > 0) end
      asked[1].done(nil, "127.0.0.1")
      server:resume()
      finish(numbered(50), heard, server, client, binding)
    end)
  end)

  it("goes on with what waited, when the peer reads again", function()
    helper.run(function()
      local server, heard, path = full_peer()
      local client, sent = dgram.createSocket("unix_dgram"), numbered(15)
      client:sendMany(sent, path)
      client:flush()
      local waiting = client:getSendQueueCount()
      server:resume()
      helper.fill(heard, #sent - waiting)
      client:flush()
      assert.is_true(client:getSendQueueCount() < waiting)
      finish(sent, heard, server, client)
    end)
  end)

  it("of an unopened socket does nothing, of a closed one raises", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      assert.equal(socket, socket:flush())
      assert.is_nil(socket:fileno())
      socket:close()
      assert.equal("ERR_SOCKET_DGRAM_NOT_RUNNING",
        helper.raised(socket.flush, socket).code)
    end)
  end)
end)

describe("pause", function()
  for _, kind in ipairs { "udp4", "udp6", "unix_dgram" } do
    it("keeps what arrives, in order, and costs no time: " .. kind, function()
      helper.run(function()
        local server, heard, to = receiver(kind)
        local client, list = dgram.createSocket(kind), numbered(200)
        assert.equal(server, server:pause())
        if to.port then client:sendMany(list, to.port, to.address)
        else client:sendMany(list, to.address) end
        assert_rests "while it is paused"
        assert.equal(0, #heard)
        assert.equal(server, server:resume())
        finish(list, heard, server, client)
      end)
    end)
  end

  it("before bind holds from the start", function()
    helper.run(function()
      local server = dgram.createSocket("udp4")
      local heard = helper.listen(server)
      server:pause()
      local port = server:bindSync({ address = "127.0.0.1" }).port
      server:send("x", port, helper.expect())
      assert_rests "paused before bind"
      assert.equal(0, #heard)
      server:resume()
      finish({ "x" }, heard, server)
    end)
  end)

  it("twice is ended by one resume; resume alone does nothing", function()
    helper.run(function()
      local server, heard, to = receiver()
      server:resume():pause():pause():resume()
      server:send("x", to.port)
      finish({ "x" }, heard, server)
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

  it("in the middle of a burst rests, with what was read and with more", function()
    helper.run(function()
      local server, heard, to = receiver()
      server:on("message", function() if #heard == 10 then server:pause() end end)
      server:sendMany(numbered(100), to.port)
      helper.fill(heard, 10)
      server:sendMany(numbered(5), to.port)
      assert_rests "paused in the middle of a burst"
      assert.equal(10, #heard)
      local all = numbered(100)
      for i = 1, 5 do all[100 + i] = tostring(i) end
      server:resume()
      finish(all, heard, server)
    end)
  end)

  it("in the middle of a burst keeps no more room than UDP's datagrams need", function()
    if helper.sanitized then pending "a sanitizer keeps memory" end
    -- The process's address space in MiB: each batch has 32 times 64 KiB.
    local function space()
      return helper.read("/proc/self/status"):match("VmSize:%s*(%d+)") / 1024
    end
    helper.run(function()
      local servers, paused, before = {}, 0, space()
      for i = 1, 20 do
        local server, _, to = receiver { type = "udp4", gro = false }
        servers[i] = server
        server:once("message", function()
          server:pause()
          paused = paused + 1
        end)
        server:sendMany(numbered(3), to.port)
      end
      helper.wait(function() return paused == 20 end)
      local each = (space() - before) / 20
      assert.is_true(each < 4, each .. " MiB each")
      helper.close(table.unpack(servers))
    end)
  end)

  it("by one listener lets the others hear the same message", function()
    helper.run(function()
      local server, heard, to = receiver()
      server:prependListener("message", function() server:pause() end)
      local second = helper.listen(server)
      server:sendMany({ "one", "two" }, to.port)
      helper.fill(second, 1)
      assert.same({ "one" }, heard)
      server:resume()
      helper.fill(second, 2)
      assert.same({ "one", "two" }, heard)
      server:close()
    end)
  end)

  it("then close delivers nothing of what waited", function()
    helper.run(function()
      local server, heard, to = receiver()
      server:on("message", function() if #heard == 1 then server:pause() end end)
      server:sendMany(numbered(20), to.port)
      helper.fill(heard, 1)
      server:close(helper.expect(function() assert.same({ "1" }, heard) end))
    end)
  end)

  it("does not keep the loop alive; resume does, unless unref() was called", function()
    helper.run(function()
      local server = receiver()
      uv.run("nowait")
      assert.is_true(uv.loop_alive())
      server:pause()
      assert.is_false(uv.loop_alive())
      server:resume()
      assert.is_true(uv.loop_alive())
      server:pause():unref():resume()
      assert.is_false(uv.loop_alive())
      server:close()
    end)
  end)

  it("while it waits for writability sends, and hears nothing", function()
    helper.run(function()
      local server, heard, path = full_peer()
      local client, own, client_at = receiver("unix_dgram")
      local connected = false
      client:connect(path, function() connected = true end)
      helper.wait(function() return connected end)
      client:sendMany(numbered(50), helper.sent(50))
      client:flush():pause()
      assert.is_true(client:getSendQueueCount() > 0)
      server:send("answer", client_at.address)
      assert_rests "paused and waiting for writability"
      assert.equal(0, #own)
      server:resume()
      helper.fill(heard, 50)
      assert.same(numbered(50), heard)
      helper.wait(function() return client:getSendQueueCount() == 0 end)
      assert_rests "paused and sent"
      assert.equal(0, #own)
      client:resume()
      finish({ "answer" }, own, server, client)
    end)
  end)

  it("and resume raise after close", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      socket:close()
      for _, name in ipairs { "pause", "resume" } do
        assert.equal("ERR_SOCKET_DGRAM_NOT_RUNNING",
          helper.raised(socket[name], socket).code)
      end
    end)
  end)
end)

describe("a burst", function()
  it("is told no as soon as what waits for lookups fills the queue", function()
    helper.run(function()
      local lookup, asked = slow_lookup()
      local server, _, to = receiver()
      local client = dgram.createSocket { type = "udp4", lookup = lookup,
        highWaterMark = 5000 }
      client:bind(0, "me.test")
      table.remove(asked, 1).done(nil, "127.0.0.1")
      for _ = 1, 3 do assert.is_true(client:send("x", to.port, to.address)) end
      while client:send("x", to.port, "you.test") do assert.is_true(#asked < 50) end
      assert.is_false(client:send("x", to.port, to.address))
      for _, each in ipairs(asked) do each.done(nil, "127.0.0.1") end
      client:on("drain", helper.expect(function() helper.close(client, server) end))
    end)
  end)
end)

describe("while send(m) do end", function()
  local MARK, FAR = 5000, 20000 -- bytes, and sends that must not be needed

  -- Where the datagrams go: returns the client, how it sends, and what lets the
  -- queue drain.
  local ways = {
    ["to udp"] = function(options)
      local server, _, to = receiver()
      local client = dgram.createSocket(options)
      client:bindSync()
      return client, function(m) return client:send(m, to.port, to.address) end,
        function() end, server
    end,
    ["connected"] = function(options)
      local server, _, to = receiver()
      local client = dgram.createSocket(options)
      client:connectSync(to.port, to.address)
      return client, function(m) return client:send(m) end, function() end, server
    end,
    ["with sendMany"] = function(options)
      local server, _, to = receiver()
      local client = dgram.createSocket(options)
      client:bindSync()
      return client, function(m) return client:sendMany({ m, m }, to.port) end,
        function() end, server
    end,
    ["to a unix peer that does not read"] = function(options)
      options.type = "unix_dgram"
      local server, _, path = full_peer()
      local client = dgram.createSocket(options)
      return client, function(m) return client:send(m, path) end,
        function() server:resume() end, server
    end,
    ["behind a bind"] = function(options)
      local lookup, asked = slow_lookup()
      options.lookup = lookup
      local server, _, to = receiver()
      local client = dgram.createSocket(options)
      client:bind(0, "me.test")
      return client, function(m) return client:send(m, to.port, "127.0.0.1") end,
        function() asked[1].done(nil, "127.0.0.1") end, server
    end,
    ["behind lookups"] = function(options)
      local lookup, asked = slow_lookup()
      options.lookup = lookup
      local server, _, to = receiver()
      local client = dgram.createSocket(options)
      client:bind(0, "me.test")
      table.remove(asked, 1).done(nil, "127.0.0.1")
      return client, function(m) return client:send(m, to.port, "you.test") end,
        function() for _, each in ipairs(asked) do each.done(nil, "127.0.0.1") end end,
        server
    end,
  }

  -- The datagrams, and the limits.
  local cases = {
    ["empty datagrams"] = { "", { highWaterMark = MARK } },
    ["single bytes"] = { "x", { highWaterMark = MARK } },
    ["500 bytes each"] = { ("x"):rep(500), { highWaterMark = MARK } },
    ["more than the mark each"] = { ("x"):rep(MARK + 1), { highWaterMark = MARK } },
    ["maxQueue below the mark"] = { ("x"):rep(100), { maxQueue = MARK } },
  }

  for way, make in pairs(ways) do
    for what, case in pairs(cases) do
      it(("%s, %s, ends, and 'drain' follows once"):format(way, what), function()
        helper.run(function()
          local options, sent, drained = { type = "udp4" }, 0, 0
          for name, value in pairs(case[2]) do options[name] = value end
          local client, send, let_go, server = make(options)
          server:removeAllListeners("message")
          client:on("error", function() end) -- ENOBUFS, when maxQueue is reached
          client:on("drain", function()
            drained = drained + 1
            assert.equal(0, client:getSendQueueCount())
            assert.equal(0, client:getSendQueueSize())
          end)
          repeat sent = sent + 1 until not send(case[1]) or sent == FAR
          assert.is_true(sent < FAR, "it does not end")
          assert.equal(0, drained)
          let_go()
          helper.wait(function() return drained > 0 end)
          for _ = 1, 3 do uv.run("nowait") end
          assert.equal(1, drained)
          assert.is_true(send("x"))
          let_go()
          helper.wait(function() return client:getSendQueueCount() == 0 end)
          helper.close(client, server)
        end)
      end)
    end
  end
end)

describe("'drain'", function()
  it("never comes to a sender that stayed below the mark", function()
    helper.run(function()
      local client = dgram.createSocket { type = "udp4", lookup = known }
      local done = 0
      client:on("drain", helper.expect(0))
      for _, host in ipairs { "127.0.0.1", "name.test" } do
        for _ = 1, 300 do
          assert.is_true(client:send("x", 9, host, function() done = done + 1 end))
        end
      end
      helper.wait(function() return done == 600 end)
      client:close()
    end)
  end)

  it("comes once for one false, whatever is asked meanwhile", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket { type = "udp4", highWaterMark = 1000,
        lookup = known }
      local drained = 0
      client:bindSync()
      client:on("drain", function() drained = drained + 1 end)
      for _ = 1, 10 do client:send(("x"):rep(200), to.port, to.address) end
      assert.is_false(client:sendMany({}, to.port))
      helper.wait(function() return drained > 0 end)
      assert.is_true(client:send("y", to.port, "name.test"))
      helper.fill(heard, 11)
      for _ = 1, 3 do uv.run("nowait") end
      assert.equal(1, drained)
      helper.close(client, server)
    end)
  end)

  it("does not come after close", function()
    helper.run(function()
      local server, _, path = full_peer()
      local client = dgram.createSocket { type = "unix_dgram", highWaterMark = 1000 }
      client:on("drain", helper.expect(0))
      while client:send(("x"):rep(200), path) do end
      helper.close(client, server)
    end)
  end)

  it("lets a sender that obeys it send all to a reader that is slower", function()
    helper.run(function()
      local server, heard, path = full_peer()
      local client = dgram.createSocket { type = "unix_dgram", highWaterMark = 2000 }
      local sent, most, list = 0, 0, numbered(1000)
      local function go_on()
        repeat sent = sent + 1
        until sent > #list or not client:send(list[sent], path)
        most = math.max(most, client:getSendQueueSize())
      end
      client:on("drain", go_on)
      go_on()
      server:resume()
      helper.fill(heard, #list)
      assert.is_true(most <= 2000 + 4, most .. " bytes were queued")
      finish(list, heard, server, client)
    end)
  end)
end)

describe("'drain'", function()
  it("waits for the datagrams that wait for a lookup", function()
    helper.run(function()
      local server, heard, to = receiver()
      local lookup, asked = slow_lookup()
      local client = dgram.createSocket { type = "udp4", lookup = lookup,
        highWaterMark = 2000 }
      client:bindSync { address = "127.0.0.1" }
      local drained = false
      client:on("drain", helper.expect(function() drained = true end))
      assert.is_true(client:send("1", to.port, "you.test"))
      assert.is_false(client:send(("x"):rep(3000), to.port, "127.0.0.1"))
      helper.fill(heard)
      assert_rests "while the lookup is under way"
      assert.is_false(drained)
      asked[1].done(nil, "127.0.0.1")
      helper.wait(function() return drained end)
      finish({ ("x"):rep(3000), "1" }, heard, server, client)
    end)
  end)
end)

describe("busyPoll", function()
  -- Returns how many datagrams a socket hears in the wake-up that brings the first,
  -- when each that it hears sends it one more.
  local function heard_at_once(busy, listener)
    local socket = dgram.createSocket { type = "udp4", busyPoll = busy }
    local port, heard = socket:bindSync({ address = "127.0.0.1" }).port, 0
    socket:on("message", function(msg)
      heard = heard + 1
      socket:send(msg, port, "127.0.0.1")
      if listener then listener(socket, heard) end
    end)
    socket:send("x", port, "127.0.0.1")
    socket:flush()
    while heard == 0 do uv.run("nowait") end
    local count = heard
    pcall(socket.close, socket) -- it may be closed
    return count
  end

  it("hears what comes within that time in the same wake-up, 64 times at most", function()
    helper.run(function()
      assert.equal(1, heard_at_once(nil))
      assert.equal(1, heard_at_once(0))
      assert.equal(64, heard_at_once(1000000))
    end)
  end)

  it("ends when the socket is paused or closed", function()
    helper.run(function()
      for _, act in ipairs { "pause", "close" } do
        assert.equal(3, heard_at_once(1000000, function(socket, heard)
          if heard == 3 then socket[act](socket) end
        end))
      end
    end)
  end)

  it("ends when nothing comes: the loop goes on", function()
    helper.run(function()
      local socket, woken = dgram.createSocket { type = "udp4", busyPoll = 100 }, false
      local port = socket:bindSync({ address = "127.0.0.1" }).port
      local timer = uv.new_timer()
      socket:on("message", function()
        timer:start(0, 0, function() timer:close() woken = true end)
      end)
      socket:send("x", port, "127.0.0.1")
      helper.wait(function() return woken end)
      socket:close()
    end)
  end)

  it("is a whole number of microseconds, at most a second", function()
    for _, wrong in ipairs { -1, 1000001, 1.5 } do
      helper.has({ code = "ERR_OUT_OF_RANGE" }, helper.raised(dgram.createSocket,
        { type = "udp4", busyPoll = wrong }))
    end
  end)
end)

describe("maxQueue", function()
  it("refuses what exceeds it, and keeps the rest", function()
    helper.run(function()
      local server, heard, path = full_peer()
      local client = dgram.createSocket { type = "unix_dgram", maxQueue = 8000 }
      local refused, taken = 0, {}
      for i = 1, 200 do
        client:send(tostring(i), path, function(err)
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

  it("tells each callback of what exceeds it while a lookup is under way", function()
    helper.run(function()
      local server, heard, to = receiver()
      local lookup, asked = slow_lookup()
      local client = dgram.createSocket { type = "udp4", lookup = lookup,
        maxQueue = 2000 }
      client:bindSync { address = "127.0.0.1" }
      local outcomes, inside = {}, true
      for i = 1, 5 do
        client:send(tostring(i), to.port, "you.test", function(err, bytes)
          assert(not inside, "the callback ran inside send")
          outcomes[i] = err and err.message or bytes
        end)
      end
      inside = false
      local refused = "send ENOBUFS you.test:" .. to.port
      helper.wait(function() return outcomes[5] end)
      assert.same({ [4] = refused, [5] = refused }, outcomes)
      assert.equal(2, client:stats().sendErrors)
      for _, each in ipairs(asked) do each.done(nil, "127.0.0.1") end
      helper.fill(heard, 3)
      helper.wait(function() return outcomes[3] end)
      assert.same({ 1, 1, 1, refused, refused }, outcomes)
      finish({ "1", "2", "3" }, heard, server, client)
    end)
  end)

  it("tells a sender without callbacks once a turn", function()
    helper.run(function()
      local server, _, path = full_peer()
      local client = dgram.createSocket { type = "unix_dgram", maxQueue = 2000 }
      local errors = 0
      client:on("error", function(err)
        assert.equal("ENOBUFS", err.code)
        errors = errors + 1
        helper.close(server, client)
      end)
      for _ = 1, 500 do client:send("x", path) end
      helper.wait(function() return errors > 0 end)
      assert.equal(1, errors)
    end)
  end)

  it("counts what has left as long as its callback is still to come", function()
    helper.run(function()
      local server, _, to = receiver()
      local client = dgram.createSocket { type = "udp4", maxQueue = 20000 }
      client:bindSync { address = "127.0.0.1" }
      local kilobyte, told, sent = ("x"):rep(1024), 0, 0
      local function tell(err)
        told, sent = told + 1, sent + (err and 0 or 1)
        assert(not err or err.code == "ENOBUFS")
      end
      for _ = 1, 100 do
        client:send(kilobyte, to.port, to.address, tell)
        client:flush()
      end
      helper.wait(function() return told == 100 end)
      assert.equal(math.floor(20000 / (1024 + 64)), sent)
      helper.close(server, client)
    end)
  end)

  it("does not count what has left when nobody wants to hear of it", function()
    helper.run(function()
      local server, _, to = receiver()
      local client = dgram.createSocket { type = "udp4", maxQueue = 1024 * 1024 }
      local kilobyte = ("x"):rep(1024)
      for _ = 1, 4096 do client:send(kilobyte, to.port, to.address) end
      client:flush()
      helper.has({ sent = 4096, sendErrors = 0, queued = 0 }, client:stats())
      helper.close(server, client)
    end)
  end)

  -- What a sender that never waits may be held up by.
  local floods = {
    ["a unix peer that does not read"] = { "unix_dgram" },
    ["a bind"] = { "udp4", "me.test", "127.0.0.1" },
    ["a lookup"] = { "udp4", "127.0.0.1", "you.test" },
  }

  for what, case in pairs(floods) do
    it("bounds the memory of a sender held up by " .. what, function()
      if helper.sanitized then pending("a sanitizer keeps memory") end
      helper.run(function()
        local server, _, path = full_peer()
        local lookup, asked = slow_lookup()
        local client = dgram.createSocket { type = case[1], maxQueue = 1024 * 1024,
          lookup = lookup }
        if case[2] then
          client:bind(0, case[2])
          if case[2] == "127.0.0.1" then asked[1].done(nil, "127.0.0.1") end
        end
        local before = uv.resident_set_memory()
        for _ = 1, 10 do
          for _ = 1, 10000 do
            if case[2] then client:send("1234", 9, case[3])
            else client:send("1234", path) end
          end
          uv.run("nowait")
        end
        local grown = (uv.resident_set_memory() - before) / 1e6
        assert.is_true(grown < 30, grown .. " MB more")
        assert.is_true(client:stats().sendErrors > 0)
        for _, each in ipairs(asked) do each.done("no") end
        client:on("error", function() end)
        helper.close(client, server)
      end)
    end)
  end
end)

describe("stats", function()
  local FIELDS = { "received", "receivedBytes", "sent", "sentBytes", "sendErrors",
    "remoteErrors", "dropped", "blocked", "truncated", "queued", "queuedBytes" }

  it("begins with zeros, in a table of its own each time", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      for _ = 1, 2 do
        local stats = socket:stats()
        for _, name in ipairs(FIELDS) do assert.equal(0, stats[name], name) end
        stats.sent = 5
      end
      socket:close()
    end)
  end)

  it("counts what went and what came, and keeps it after close", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      client:sendMany({ "one", "", "three" }, to.port, to.address)
      client:send("four", to.port, to.address)
      helper.fill(heard, 4)
      local sent = { sent = 4, sentBytes = 12, sendErrors = 0, queued = 0,
        queuedBytes = 0, received = 0 }
      local received = { received = 4, receivedBytes = 12, dropped = 0, blocked = 0,
        truncated = 0, remoteErrors = 0, sent = 0 }
      helper.has(sent, client:stats())
      helper.has(received, server:stats())
      client:close(helper.expect(function() helper.has(sent, client:stats()) end))
      server:close(helper.expect(function() helper.has(received, server:stats()) end))
    end)
  end)

  it("counts as received what nobody listens to", function()
    helper.run(function()
      local server, _, to = receiver()
      server:removeAllListeners("message")
      server:send("x", to.port)
      helper.wait(function() return server:stats().received == 1 end)
      server:close()
    end)
  end)

  it("counts in sendErrors what was not sent, with and without callback", function()
    helper.run(function()
      local blocked = dgram.BlockList()
      blocked:addAddress("127.0.0.9")
      local client = dgram.createSocket { type = "udp4", sendBlockList = blocked,
        lookup = traffic.no_names "nobody" }
      local told = 0
      for i, address in ipairs { "255.255.255.255", "127.0.0.9", "name.test", "::1" } do
        client:send("x", 9, address)
        client:send("x", 9, address, function() told = told + 1 end)
        helper.wait(function()
          return told == i and client:getSendQueueCount() == 0
        end)
        uv.run("nowait")
        assert.equal(2 * i, client:stats().sendErrors, address)
      end
      client:close()
    end)
  end)

  -- Drops datagrams; returns the receiver, how many came, and of how many.
  local function drop_some()
    local server, heard = dgram.createSocket { type = "udp4", gro = false }, 0
    local port = server:bindSync({ address = "127.0.0.1" }).port
    local client, sent = dgram.createSocket { type = "udp4", gso = false }, false
    server:on("message", function() heard = heard + 1 end)
    server:setRecvBufferSize(4096)
    server:pause()
    for i = 1, 200 do
      client:send("x", port, "127.0.0.1", i == 200 and function()
        server:resume()
        server:send("last", port, function() sent = true end)
      end or nil)
    end
    helper.wait(function() return heard > 0 and sent end)
    for _ = 1, 3 do uv.run("nowait") end
    client:close()
    assert.is_true(heard < 201, "all found room")
    return server, heard, 201
  end

  -- How many were dropped, where that is known.
  local function expect_dropped(count, dropped)
    assert.equal(os.getenv("PORTABLE") and 0 or count, dropped)
  end

  it("counts in dropped what found no room", function()
    helper.run(function()
      local server, heard, sent = drop_some()
      expect_dropped(sent - heard, server:stats().dropped)
      server:close()
    end)
  end)

  it("tells what was dropped when it is closed, too", function()
    helper.run(function()
      local server, heard, sent = drop_some()
      server:close(helper.expect(function()
        expect_dropped(sent - heard, server:stats().dropped)
      end))
      helper.wait(function() return not server:fileno() end)
      expect_dropped(sent - heard, server:stats().dropped)
    end)
  end)

  it("counts in blocked whom receiveBlockList names", function()
    helper.run(function()
      local list = dgram.BlockList()
      list:addAddress("127.0.0.2")
      local server, heard, to = receiver { type = "udp4", receiveBlockList = list }
      local other = dgram.createSocket("udp4")
      other:bindSync { address = "127.0.0.2" }
      other:sendMany({ "one", "two" }, to.port)
      helper.wait(function() return server:stats().blocked == 2 end)
      server:send("three", to.port)
      helper.fill(heard, 1)
      helper.has({ received = 1, receivedBytes = 5 }, server:stats())
      finish({ "three" }, heard, server, other)
    end)
  end)

  it("counts in truncated what was delivered short", function()
    helper.run(function()
      local size = 600000
      local server, heard, to = receiver("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      client:setSendBufferSize(2 * size)
      local granted = client:getSendBufferSize()
      if granted >= 2 * size then
        client:send(("x"):rep(size), to.address, helper.expect())
        server:on("error", helper.expect(function(err)
          assert.equal("EMSGSIZE", err.code)
        end))
        helper.fill(heard, 1)
        assert.equal(1, server:stats().truncated)
      end
      helper.close(server, client)
      if granted < 2 * size then pending("the system grants no large buffers") end
    end)
  end)

  it("tells what waits for a peer, a bind, or a lookup", function()
    helper.run(function()
      local server, _, path = full_peer()
      local lookup, asked = slow_lookup()
      local client = dgram.createSocket("unix_dgram")
      local held = dgram.createSocket { type = "udp4", lookup = lookup }
      client:sendMany(numbered(60), path)
      local stats = client:flush():stats()
      assert.equal(60, stats.queued + stats.sent)
      assert.is_true(stats.queued > 0 and stats.queuedBytes >= stats.queued)
      held:bind(0, "me.test")
      held:sendMany({ "one", "two" }, 9, "127.0.0.1")
      helper.has({ queued = 2, queuedBytes = 6 }, held:stats())
      asked[1].done(nil, "127.0.0.1")
      uv.run("nowait")
      held:sendMany({ "one", "two", "three" }, 9, "you.test")
      helper.has({ sent = 2, queued = 3, queuedBytes = 11 }, held:stats())
      asked[2].done("nobody")
      helper.close(server, client, held)
    end)
  end)

  -- What a socket may ask for of trains, and what it gets.
  local requests = {
    [{}] = { gso = 64, gro = 64 },
    [{ gso = false }] = { gso = 0, gro = 64 },
    [{ gro = false }] = { gso = 64, gro = 0 },
    [{ gso = false, gro = false }] = { gso = 0, gro = 0 },
  }

  for request, granted in pairs(requests) do
    it(("tells of trains: gso = %s, gro = %s"):format(tostring(request.gso),
      tostring(request.gro)), function()
      if os.getenv("PORTABLE") then pending("the portable build makes no trains") end
      if uv.os_uname().sysname ~= "Linux" then pending("only Linux has trains") end
      for _, kind in ipairs { "udp4", "udp6" } do
        request.type = kind
        local socket = dgram.createSocket(request)
        socket:setTTL(64)
        helper.has(granted, socket:stats())
        socket:close()
      end
    end)
  end

  it("tells of no trains for unix_dgram", function()
    helper.run(function()
      local socket = receiver("unix_dgram")
      helper.has({ gso = 0, gro = 0 }, socket:stats())
      socket:close()
    end)
  end)
end)
