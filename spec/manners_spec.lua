-- How it speaks to who uses it: errors that say where, options and dots that are
-- typos, what a socket prints as, and a close that loses nothing.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local raised, has = helper.raised, helper.has

-- The line of this file that the caller of it is on, as errors spell it.
local function here()
  local info = debug.getinfo(2, "Sl")
  return info.short_src .. ":" .. info.currentline
end

-- A socket that lives for one call.
local function with(kind, body)
  local socket = dgram.createSocket(kind)
  local result = body(socket)
  socket:close()
  return result
end

describe("an error that is thrown", function()
  it("tells file and line of the script's call, in its text too", function()
    local list, at = dgram.BlockList(), nil
    local err = raised(function() at = here() list:addAddress("x") end)
    has({ place = at, code = "ERR_INVALID_ADDRESS", message = "Invalid socket address" },
      err)
    assert.equal("Error: Invalid socket address (" .. at .. ")", tostring(err))
    assert.equal(tostring(err), err.stack:match("^[^\n]*"))
    assert.truthy(err.stack:find(at, 1, true), err.stack)
  end)

  it("tells it of methods, from listeners and coroutines as well", function()
    helper.run(function()
      local socket, at = traffic.sender(), nil
      for _, call in ipairs {
        function() at = here() socket:setTTL(0) end,
        function() at = here() socket:send("x", 0) end,
        function() at = here() socket:bind() end,
        coroutine.wrap(function() at = here() socket:connectSync(9, "no address") end),
      } do
        local err = raised(call)
        assert.equal(at, err.place)
        assert.equal(("%s: %s (%s)"):format(err.name, err.message, at), tostring(err))
      end
      socket:on("greeting", function() at = here() socket:setTTL(0) end)
      local raised_there = raised(socket.emit, socket, "greeting").place
      assert.equal(at, raised_there)
      socket:close()
    end)
  end)

  it("tells where the coroutine waited that it ends", function()
    helper.run(function()
      local at
      -- The error that ends a wait, for an event of a socket, or for an error of it.
      local function ends(wait)
        return with("udp4", function(socket)
          socket:send(("x"):rep(65508), 9, "127.0.0.1", helper.expect(function(err)
            if socket:listenerCount("error") > 0 then socket:emit("error", err) end
          end))
          return raised(dgram.run, function() wait(socket) end)
        end)
      end
      local err = ends(function(socket) at = here() dgram.once(socket, "x") end)
      has({ code = "EMSGSIZE", place = at }, err)
      err = ends(function(socket)
        local events = dgram.on(socket, "x")
        at = here() events()
      end)
      has({ code = "EMSGSIZE", place = at }, err)
      err = raised(dgram.run, function()
        at = here() dgram.once(dgram.createSocket("udp4"), "x", { timeout = 0 })
      end)
      has({ code = "ETIMEDOUT", place = at }, err)
    end)
  end)

  it("is no other than one that is emitted or told, but for the place", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      socket:on("error", helper.expect(function(err)
        assert.equal("Error: bind EADDRNOTAVAIL 198.51.100.7", tostring(err))
        assert.is_nil(err.place or err.stack)
      end))
      socket:bind(0, "198.51.100.7")
    end)
  end)
end)

describe("an option that there is not", function()
  local UNKNOWN = { name = "TypeError", code = "ERR_INVALID_ARG_VALUE" }

  -- Errors unless a call refuses an option, with these words.
  local function refuses(words, call, ...)
    local err = raised(call, ...)
    has(UNKNOWN, err)
    assert.equal(words, err.message)
  end

  it("is refused by createSocket, with the nearest that there is", function()
    for wrong, right in pairs { reuseaddr = "reuseAddr", ipV6only = "ipv6Only",
      recvBufSize = "recvBufferSize", maxQueu = "maxQueue", lingre = "linger" } do
      refuses(("The property 'options.%s' is unknown. Did you mean '%s'?"):format(wrong,
        right), dgram.createSocket, { type = "udp4", [wrong] = true })
    end
    refuses("The property 'options.somethingElse' is unknown.", dgram.createSocket,
      { type = "udp4", somethingElse = 1 })
  end)

  it("is refused by bind", function()
    helper.run(function()
      with("udp4", function(socket)
        refuses("The property 'options.prot' is unknown. Did you mean 'port'?",
          socket.bind, socket, { prot = 1234 })
        assert.equal("dgram.Socket (udp4, unbound)", tostring(socket))
      end)
    end)
  end)

  it("is one of another type of socket, too", function()
    for _, method in ipairs { "bind", "bindSync" } do
      with("udp4", function(udp)
        refuses("The property 'options.path' is unknown.", udp[method], udp, { path = "x" })
        refuses("The property 'options.mode' is unknown.", udp[method], udp, { mode = 384 })
      end)
      with("unix_dgram", function(unix)
        refuses("The property 'options.port' is unknown.", unix[method], unix, { port = 9 })
      end)
    end
  end)

  it("mode is ENOTSUP for UDP, which makes no file", function()
    for _, kind in ipairs { "udp4", "udp6" } do
      helper.has({ code = "ENOTSUP", message = ("mode of %s ENOTSUP"):format(kind) },
        helper.raised(dgram.createSocket, { type = kind, mode = 384 }))
    end
  end)

  it("is not the family that address() returns", function()
    helper.run(function()
      local socket, other = dgram.createSocket("udp4"), dgram.createSocket("udp4")
      local at = socket:bindSync { address = "127.0.0.1" }
      socket:close()
      assert.same(at, other:bind(at):address())
      other:close()
    end)
  end)

  it("is refused by bindSync", function()
    helper.run(function()
      with("udp4", function(socket)
        refuses("The property 'options.prot' is unknown. Did you mean 'port'?",
          socket.bindSync, socket, { prot = 1234 })
      end)
    end)
  end)
end)

describe("a method called with a dot", function()
  for name, method in pairs(dgram.Socket) do
    if type(method) == "function" and not name:find("^_") then
      it("says so: " .. name, function()
        for _, given in ipairs { 41234, "message", {} } do
          has({ name = "TypeError", code = "ERR_INVALID_THIS", message =
            "Methods are called with a colon: socket:" .. name .. "(...)" },
            raised(method, given))
        end
      end)
    end
  end
end)

describe("tostring(socket)", function()
  -- The text, with ports as words.
  local function text(socket)
    return (tostring(socket):gsub("([%d%]]):%d+", "%1:PORT"))
  end

  it("shows type, address, peer and state", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      assert.equal("dgram.Socket (udp4, unbound)", text(socket))
      socket:bind(0, "localhost")
      assert.equal("dgram.Socket (udp4, binding)", text(socket))
      socket:on("listening", helper.expect(function()
        assert.equal("dgram.Socket (udp4, 127.0.0.1:PORT, bound)", text(socket))
        socket:connect(9)
        assert.equal("dgram.Socket (udp4, 127.0.0.1:PORT, connecting)", text(socket))
      end))
      socket:on("connect", helper.expect(function()
        assert.equal("dgram.Socket (udp4, 127.0.0.1:PORT -> 127.0.0.1:PORT, connected)",
          text(socket))
        assert.truthy(tostring(socket):find(" -> 127.0.0.1:9, ", 1, true))
        socket:close()
        assert.equal("dgram.Socket (udp4, closed)", text(socket))
      end))
    end)
  end)

  it("has IPv6 in brackets, and paths", function()
    helper.run(function()
      local six, server = dgram.createSocket("udp6"), dgram.createSocket("unix_dgram")
      local client, path = dgram.createSocket("unix_dgram"), helper.path()
      six:bindSync { address = "::1" }
      server:bindSync { path = path }
      client:connectSync(path)
      assert.equal("dgram.Socket (udp6, [::1]:PORT, bound)", text(six))
      assert.equal("dgram.Socket (unix_dgram, " .. path .. ", bound)", text(server))
      assert.equal("dgram.Socket (unix_dgram -> " .. path .. ", connected)", text(client))
      helper.close(six, server, client)
    end)
  end)
end)

describe("close", function()
  local COUNT = 2000

  -- Sends to a path and notes what becomes of each.
  local function send_all(socket, path)
    local told = { sent = 0 }
    for i = 1, COUNT do
      socket:send(tostring(i), path, function(err)
        local what = err and err.code or "sent"
        told[what] = (told[what] or 0) + 1
      end)
    end
    return told
  end

  for _, name in ipairs { "without a name", "with a name" } do
    -- A sender, and the path it has if any.
    local function sender(options)
      local socket, path = dgram.createSocket(options), nil
      if name == "with a name" then
        path = helper.path()
        socket:bindSync { path = path }
      end
      return socket, path
    end

    it("loses nothing for a unix peer that reads slowly, " .. name, function()
      helper.run(function()
        local server, heard, at = traffic.receiver("unix_dgram")
        local client, path = sender { type = "unix_dgram", linger = 15000 }
        local timer = uv.new_timer()
        server:on("message", function(_, rinfo)
          assert.equal(path or "", rinfo.address)
          if #heard % 20 > 0 then return end
          server:pause()
          timer:start(1, 0, function() server:resume() end)
        end)
        local told = send_all(client, at.address)
        client:on("close", helper.expect(function() assert.equal(COUNT, told.sent) end))
        client:close()
        helper.wait(function() return #heard == COUNT end, 20)
        assert.same(traffic.numbered(COUNT), heard)
        helper.close(timer, server)
      end, 20)
    end)

    it("gives up after `linger` if the peer never reads, " .. name, function()
      helper.run(function()
        local server, _, path = traffic.full_peer()
        local client = sender { type = "unix_dgram", linger = 100 }
        local told, begin = send_all(client, path), uv.hrtime()
        client:close(helper.expect(function()
          local passed = (uv.hrtime() - begin) / 1e6
          assert.is_true(passed >= 100 and passed < 1000, passed .. " ms")
          assert.equal(COUNT, told.sent + told.ECANCELED)
          assert.is_true(told.ECANCELED > 0)
          server:close()
        end))
      end)
    end)

    it("tries once if `linger` is 0, as Node does, " .. name, function()
      helper.run(function()
        local server, _, path = traffic.full_peer()
        local client, own = sender { type = "unix_dgram", linger = 0 }
        local told = send_all(client, path)
        client:close(helper.expect(function()
          assert.equal(COUNT, told.sent + told.ECANCELED)
          server:close()
        end))
        assert.is_nil(own and io.open(own))
        assert.equal(0, client:getSendQueueCount())
      end)
    end)
  end

  it("counts what it gives up and nobody has a callback for; that is no 'error'", function()
    helper.run(function()
      local server, _, path = traffic.full_peer()
      local client = dgram.createSocket { type = "unix_dgram", linger = 1 }
      client:on("error", helper.expect(0))
      for _ = 1, 20 do client:send("x", path) end
      client:close(helper.expect(function()
        local stats = client:stats()
        assert.same({ 20, 0 }, { stats.sent + stats.sendErrors, stats.queued })
        assert.is_true(stats.sendErrors > 0)
        server:close()
      end))
    end)
  end)

  it("delivers nothing meanwhile, and methods throw", function()
    helper.run(function()
      local server, heard, at = traffic.receiver("unix_dgram")
      server:pause()
      local client = dgram.createSocket("unix_dgram")
      local own, events = helper.path(), {}
      client:bindSync { path = own }
      client:on("message", function() events[#events + 1] = "message" end)
      client:on("drain", function() events[#events + 1] = "drain" end)
      local told = send_all(client, at.address)
      client:close(helper.expect(function() events[#events + 1] = "close" end))
      server:send("too late", own, function(err) events[#events + 1] = err or "taken" end)
      for _, method in ipairs { "send", "close", "address", "flush", "pause", "bind" } do
        has({ code = "ERR_SOCKET_DGRAM_NOT_RUNNING" },
          raised(client[method], client, "x", own))
      end
      helper.wait(function() return #events > 0 end)
      assert.equal("dgram.Socket (unix_dgram, closed)", tostring(client))
      assert.is_nil(client:fileno())
      server:resume()
      helper.wait(function() return #heard == COUNT end)
      helper.wait(function() return told.sent == COUNT and #events == 2 end)
      assert.same({ "taken", "close" }, events)
      server:close()
    end)
  end)
end)

describe("errors of a connected socket", function()
  it("name its peer, those that come back too", function()
    helper.run(function()
      local port, client = traffic.closed_port(), dgram.createSocket("udp4")
      client:connectSync(port, "127.0.0.1")
      client:on("error", helper.expect(function(err)
        has({ code = "ECONNREFUSED", address = "127.0.0.1", port = port }, err)
        client:send(("x"):rep(65508), helper.expect(function(refused)
          has({ code = "EMSGSIZE", address = "127.0.0.1", port = port,
            message = "send EMSGSIZE 127.0.0.1:" .. port }, refused)
          client:close()
        end))
      end))
      client:send("anybody there?")
    end)
  end)

  it("name the path of a unix peer", function()
    helper.run(function()
      local server, _, at = traffic.receiver("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      client:connectSync(at.address)
      helper.closed(server)
      client:send("x", helper.expect(function(err)
        has({ code = "ECONNREFUSED", address = at.address,
          message = "send ECONNREFUSED " .. at.address }, err)
        assert.is_nil(err.port)
        client:close()
      end))
    end)
  end)
end)

describe("an option that is set between two sends", function()
  it("is for the second only: what was sent before leaves first", function()
    helper.run(function()
      local socket = traffic.sender()
      for _, set in ipairs {
        function() socket:setTTL(7) end,
        function() socket:setMulticastTTL(7) end,
        function() socket:setMulticastInterface("127.0.0.1") end,
        function() socket:setBroadcast(true) end,
        function() socket:setSendBufferSize(100000) end,
      } do
        for _ = 1, 3 do socket:send("x", 9, "127.0.0.1") end
        assert.is_true(socket:getSendQueueCount() > 0)
        set()
        assert.equal(0, socket:getSendQueueCount())
      end
      socket:close()
    end)
  end)
end)

describe("a unix peer without a name", function()
  it("cannot be sent to: every form throws", function()
    helper.run(function()
      with("unix_dgram", function(socket)
        for _, call in ipairs {
          function() socket:send("x", "") end,
          function() socket:send("x", 0, 1, "") end,
          function() socket:sendto("x", 0, 1, "") end,
          function() socket:sendMany({ "x" }, "") end,
          function() socket:connect("") end,
          function() socket:connectSync("") end,
        } do
          has({ code = "ERR_INVALID_ARG_VALUE", name = "TypeError" }, raised(call))
        end
        assert.equal(0, socket:getSendQueueCount())
      end)
    end)
  end)
end)

describe("without a descriptor left", function()
  it("the call that failed is named: socket", function()
    if helper.sanitized then pending("a sanitizer writes its report to a file") end
    helper.run(function()
      local child = Child.start("sh", "-c", 'ulimit -n 40; exec "$0" -e "$1"',
        uv.exepath(), [[
        local dgram, uv = require "dgram", require "luv"
        dgram.createSocket("udp4"):bindSync()
        local last repeat last = uv.fs_open("/dev/null", "r", 0) until not last
        local socket = dgram.createSocket("udp4")
        print((pcall(socket.bindSync, socket)))
        print(select(2, pcall(socket.setTTL, socket, 5)).message)
        socket:on("error", function(err) print(err.message, err.address) os.exit(0) end)
        socket:bind(0, "127.0.0.1")
        uv.run()]])
      assert.equal("false", child:line())
      assert.equal("socket EMFILE", child:line())
      assert.equal("socket EMFILE\tnil", child:line())
      assert.equal(0, child:wait())
    end)
  end)
end)

describe("a send on a connected socket", function()
  it("looks at the message first, as Node does", function()
    helper.run(function()
      with("udp4", function(socket)
        socket:connectSync(9)
        for _, row in ipairs {
          { "ERR_INVALID_ARG_TYPE", 5, 9, "127.0.0.1" },
          { "ERR_BUFFER_OUT_OF_BOUNDS", "x", 0, 5, 9 },
          { "ERR_SOCKET_DGRAM_IS_CONNECTED", "x", 9, "127.0.0.1" },
        } do
          has({ code = row[1] }, raised(socket.send, socket, table.unpack(row, 2)))
        end
      end)
    end)
  end)
end)
