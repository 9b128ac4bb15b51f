-- A socket's life: createSocket, bind in all its forms, address, ref and unref,
-- close in all its ways, and that nothing is left behind.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

-- Runs a Lua script that must end well; returns its output.
local function output(code)
  local status, text = Child.code(code):outcome()
  assert.equal(0, status, text)
  return text
end

describe("createSocket", function()
  it("takes a type, or options, and a listener", function()
    helper.run(function()
      local count = 0
      local function listener() count = count + 1 end
      for _, kind in ipairs { "udp4", "udp6", "unix_dgram" } do
        for _, argument in ipairs { kind, { type = kind } } do
          local socket = dgram.createSocket(argument, listener)
          assert.same({ listener }, socket:listeners("message"))
          socket:emit("message", "x", {})
          assert.same({}, dgram.createSocket(argument):eventNames())
          socket:close()
        end
      end
      assert.equal(6, count)
    end)
  end)

  it("opens no descriptor", function()
    helper.run(function()
      local before = helper.descriptors()
      local socket = dgram.createSocket("udp4")
      assert.equal(before, helper.descriptors())
      assert.is_nil(socket:fileno())
    end)
  end)

  it("keeps its options when the table changes later", function()
    helper.run(function()
      local options = { type = "udp4", reuseAddr = true }
      local a, b = dgram.createSocket(options), dgram.createSocket(options)
      options.reuseAddr, options.type = nil, "udp6"
      local port = a:bindSync { address = "127.0.0.1" }.port
      assert.equal(port, b:bindSync { address = "127.0.0.1", port = port }.port)
      helper.close(a, b)
    end)
  end)

  it("says what it made", function()
    helper.run(function()
      assert.equal("dgram.Socket (udp4, unbound)", tostring(dgram.createSocket("udp4")))
      assert.equal("string", type(dgram._VERSION))
    end)
  end)
end)

for kind, loopback in pairs(helper.LOOPBACK) do
  local family = kind == "udp4" and "IPv4" or "IPv6"
  local any = kind == "udp4" and "0.0.0.0" or "::"

  describe(kind .. ":bind", function()
    local PORT = {}
    -- Each form: a name, its arguments without the callback, and the address.
    local forms = {
      { "()", {}, any }, { "(0)", { 0 }, any }, { "(port)", { PORT }, any },
      { "('port')", { "0" }, any }, { "(0, address)", { 0, loopback }, loopback },
      { "(port, address)", { PORT, loopback }, loopback },
      { "(0, '')", { 0, "" }, any }, { "{}", { {} }, any },
      { "{port}", { { port = PORT } }, any },
      { "{address}", { { address = loopback } }, loopback },
      { "{port, address}", { { port = PORT, address = loopback } }, loopback },
      { "{exclusive}", { { exclusive = true, address = loopback } }, loopback },
    }

    for _, form in ipairs(forms) do
      it(form[1] .. " binds, with and without a callback", function()
        helper.run(function()
          for _, with_callback in ipairs { true, false } do
            local port, args = traffic.closed_port(kind), {}
            local wants_port = false
            for i, value in ipairs(form[2]) do
              if value == PORT then value, wants_port = port, true end
              if type(value) == "table" and value.port == PORT then
                value = { port = port, address = value.address }
                wants_port = true
              end
              args[i] = value
            end
            local socket, returned = dgram.createSocket(kind), false
            local closed = false
            local function listening()
              assert.is_true(returned)
              local at = socket:address()
              assert.is_true(at.port > 0)
              assert.same({ address = form[3], family = family, port = at.port }, at)
              if wants_port then assert.equal(port, at.port) end
              socket:close(function() closed = true end)
            end
            if with_callback then args[#args + 1] = helper.expect(listening)
            else socket:on("listening", helper.expect(listening)) end
            assert.equal(socket, socket:bind(table.unpack(args)))
            returned = true
            helper.wait(function() return closed end)
          end
        end)
      end)
    end

    it("calls back before the other listeners that come later", function()
      helper.run(function()
        local order, socket = {}, dgram.createSocket(kind)
        socket:on("listening", function() order[#order + 1] = "before" end)
        socket:bind(function() order[#order + 1] = "callback" end)
        socket:on("listening", function() order[#order + 1] = "after" end)
        helper.fill(order, 3)
        assert.same({ "before", "callback", "after" }, order)
        assert.equal(2, socket:listenerCount("listening"))
        socket:close()
      end)
    end)

    it("raises when it is called again", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        local wanted = { code = "ERR_SOCKET_ALREADY_BOUND", name = "Error",
          message = "Socket is already bound" }
        socket:bind(0, loopback, helper.expect(function()
          helper.has(wanted, helper.raised(socket.bind, socket, 0))
          helper.has(wanted, helper.raised(socket.bindSync, socket))
          socket:close()
        end))
        helper.has(wanted, helper.raised(socket.bind, socket, 0))
        helper.has(wanted, helper.raised(socket.bindSync, socket))
      end)
    end)

    it("raises no address before it is done", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        local err = helper.raised(socket.address, socket)
        helper.has({ name = "Error", code = "EBADF", syscall = "getsockname",
          message = "getsockname EBADF" }, err)
        assert.is_true(err.errno < 0)
        socket:setTTL(5)
        assert.equal("EBADF", helper.raised(socket.address, socket).code)
        socket:close()
      end)
    end)

    it("fails with EADDRINUSE, leaves it unbound, and works again", function()
      helper.run(function()
        local server, socket = helper.bound(kind), dgram.createSocket(kind)
        local port = server:address().port
        local returned = false
        socket:on("error", helper.expect(function(err)
          assert.is_true(returned)
          helper.has({ name = "Error", code = "EADDRINUSE", syscall = "bind",
            address = loopback, port = port,
            message = ("bind EADDRINUSE %s:%d"):format(loopback, port) }, err)
          assert.equal(0, socket:listenerCount("listening"))
          assert.equal("EBADF", helper.raised(socket.address, socket).code)
          socket:bind(0, loopback, helper.expect(function()
            helper.close(server, socket)
          end))
        end))
        socket:bind(port, loopback, helper.expect(0))
        returned = true
      end)
    end)

    it("fails with an address of nobody here", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        local stranger = kind == "udp4" and "192.0.2.254" or "2001:db8::ffff"
        socket:on("error", helper.expect(function(err)
          helper.has({ code = "EADDRNOTAVAIL", message = "bind EADDRNOTAVAIL " .. stranger,
            address = stranger }, err)
          assert.is_nil(err.port)
          socket:close()
        end))
        socket:bind(0, stranger)
      end)
    end)

    it("fails with a name nobody knows", function()
      traffic.need_resolver(pending)
      helper.run(function()
        local socket = dgram.createSocket(kind)
        socket:on("error", helper.expect(function(err)
          assert.equal("nobody.invalid", err.hostname)
          assert.equal("getaddrinfo", err.syscall)
          socket:close()
        end))
        socket:bind(0, "nobody.invalid", helper.expect(0))
      end)
    end)

    it("shares an address with reuseAddr", function()
      helper.run(function()
        local options = { type = kind, reuseAddr = true }
        local a, b = helper.bound(options), dgram.createSocket(options)
        b:bind(a:address().port, loopback, helper.expect(function()
          assert.equal(a:address().port, b:address().port)
          helper.close(a, b)
        end))
      end)
    end)

    it("spreads datagrams over sockets with reusePort", function()
      helper.run(function()
        local options = { type = kind, reusePort = true }
        local a, of_a = helper.bound(options)
        local b = dgram.createSocket(options)
        local of_b = helper.listen(b)
        local port = a:address().port
        b:bindSync { port = port, address = loopback }
        local plain = dgram.createSocket(kind)
        assert.equal("EADDRINUSE", helper.raised(plain.bindSync, plain,
          { port = port, address = loopback }).code)
        plain:close()
        for i = 1, 64 do
          local client = dgram.createSocket(kind)
          client:send(tostring(i), port)
          client:close()
        end
        helper.wait(function() return #of_a + #of_b == 64 end)
        assert.is_true(#of_a > 0 and #of_b > 0)
        helper.close(a, b)
      end)
    end)

    it("Sync binds at once, and 'listening' follows", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        socket:on("listening", helper.expect(function() socket:close() end))
        local at = socket:bindSync { address = loopback }
        assert.same(at, socket:address())
        local other = dgram.createSocket(kind)
        local err = helper.raised(other.bindSync, other, at)
        assert.equal(("bind EADDRINUSE %s:%d"):format(loopback, at.port), err.message)
        helper.has({ code = "ERR_INVALID_ARG_VALUE", name = "TypeError" },
          helper.raised(other.bindSync, other, { address = "localhost" }))
        other:bindSync()
        other:close()
      end)
    end)
  end)
end

describe("udp6", function()
  it("hears IPv4 too, unless ipv6Only is set", function()
    helper.run(function()
      local both, inbox = helper.bound("udp6", "::")
      local client = dgram.createSocket("udp4")
      client:send("x", both:address().port)
      local from = helper.fill(inbox)[1].from
      assert.equal("::ffff:127.0.0.1", from.address)
      assert.equal("IPv6", from.family)
      local only = dgram.createSocket { type = "udp6", ipv6Only = true }
      local four = dgram.createSocket("udp4")
      local port = only:bindSync().port
      four:bindSync { port = port }
      helper.close(both, client, only, four)
    end)
  end)
end)

describe("bind through lookup", function()
  it("asks once, the wildcard included", function()
    helper.run(function()
      local asked = {}
      local socket = dgram.createSocket { type = "udp4", lookup = function(host, family, done)
        asked[#asked + 1] = host .. " " .. family
        done(nil, host, family)
      end }
      socket:bind(helper.expect(function()
        assert.same({ "0.0.0.0 4" }, asked)
        socket:close()
      end))
    end)
  end)

  it("that fails tells 'error', and can be repeated", function()
    helper.run(function()
      local fails = true
      local socket = dgram.createSocket { type = "udp4", lookup = function(host, _, done)
        if fails then return done("no") end
        done(nil, host)
      end }
      socket:on("error", helper.expect(function(err)
        assert.equal("no", err)
        fails = false
        socket:bind(helper.expect(function() socket:close() end))
      end))
      socket:bind(0, helper.expect(0))
    end)
  end)

  it("that is closed meanwhile binds nothing and tells no error", function()
    for _, err in ipairs { false, "no" } do
      helper.run(function()
        local answer
        local socket = dgram.createSocket { type = "udp4",
          lookup = function(_, _, done) answer = done end }
        socket:on("listening", helper.expect(0))
        socket:on("error", helper.expect(0))
        local closed = false
        socket:bind(0, "me.test")
        socket:close(helper.expect(function() closed = true end))
        answer(err or nil, "127.0.0.1")
        helper.wait(function() return closed end)
        answer(nil, "127.0.0.1")
      end)
    end
  end)
end)

describe("bind{fd=}", function()
  it("takes a bound descriptor over", function()
    helper.run(function()
      local raw = inside.raw("udp4") -- luv would watch its own
      assert(raw:bind("127.0.0.1", 0))
      local socket = dgram.createSocket("udp4")
      local inbox = helper.listen(socket)
      local fd, copy = raw:fileno(), nil
      raw:disown()
      socket:bind({ fd = fd }, helper.expect(function() copy = socket:address() end))
      helper.wait(function() return copy end)
      assert.equal("127.0.0.1", copy.address)
      assert.equal(fd, socket:fileno())
      local other = dgram.createSocket("udp4")
      helper.has({ code = "EEXIST", message = "open EEXIST", syscall = "open" },
        helper.raised(other.bind, other, { fd = fd }))
      other:send("x", copy.port, "127.0.0.1")
      assert.same({ "x" }, helper.fill(inbox))
      helper.close(other, socket)
    end)
  end)

  it("refuses what is no datagram socket, and is usable afterwards", function()
    helper.run(function()
      local pipe, socket = uv.new_tcp(), dgram.createSocket("udp4")
      pipe:bind("127.0.0.1", 0)
      local err = helper.raised(socket.bind, socket, { fd = pipe:fileno() })
      helper.has({ code = "ERR_INVALID_FD_TYPE", name = "TypeError",
        message = "Unsupported fd type: TCP" }, err)
      helper.has({ code = "ERR_INVALID_FD_TYPE" },
        helper.raised(socket.bind, socket, { fd = 1000000 }))
      socket:bind(0, "127.0.0.1", helper.expect(function() socket:close() end))
      pipe:close()
    end)
  end)

  it("leaves a descriptor that the loop has already to its owner", function()
    helper.need_luv(pending)
    if helper.sanitized then pending("luv leaks the poll it could not make") end
    helper.run(function()
      local udp, inbox = uv.new_udp(), {}
      udp:bind("127.0.0.1", 0)
      udp:recv_start(function(_, msg) inbox[#inbox + 1] = msg end)
      local port = udp:getsockname().port
      local socket = dgram.createSocket("udp4")
      helper.has({ code = "EEXIST", syscall = "open" },
        helper.raised(socket.bind, socket, { fd = udp:fileno() }))
      assert.is_nil(socket:fileno())
      socket:send("x", port, "127.0.0.1")
      assert.same({ "x" }, helper.fill(inbox))
      helper.close(socket, udp)
    end)
  end)

  it("that fails after a send lets the socket send on", function()
    helper.run(function()
      local loop = inside.poll_loop.new()
      local path, done = helper.path(), 0
      local peer = dgram.createSocket("unix_dgram")
      peer:bindSync { path = path }
      local poll = loop.poll
      local socket = dgram.createSocket { type = "unix_dgram", loop = loop }
      local function count(err) done = done + (err and 0 or 1) end
      socket:send("x", path, count)
      loop.run("nowait")
      assert.equal(1, done)
      local raw = dgram.createSocket("unix_dgram")
      raw:bindSync { path = helper.path() }
      loop.poll = function() return nil, "EEXIST" end
      helper.has({ code = "EEXIST" },
        helper.raised(socket.bind, socket, { fd = raw:fileno() }))
      loop.poll = poll
      for _ = 1, 3 do socket:send("x", path, count) end
      for _ = 1, 3 do loop.run("nowait") end
      assert.equal(4, done)
      helper.wait(function() return peer:stats().received == 4 end)
      helper.close(socket, raw, peer)
      loop.run()
    end)
  end)

  it("takes the socket's own descriptor", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      socket:setTTL(5)
      local fd = socket:fileno()
      socket:bind({ fd = fd }, helper.expect(function()
        assert.equal(fd, socket:fileno())
        socket:close()
      end))
    end)
  end)

  it("names what is no datagram socket", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      local pipe = uv.new_pipe(false)
      pipe:bind(helper.path())
      local file = uv.fs_open("spec/socket_spec.lua", "r", 0)
      local null = uv.fs_open("/dev/null", "r", 0)
      local ends = uv.pipe()
      local kinds = { FILE = file, UNKNOWN = null, PIPE = pipe:fileno() }
      for kind, fd in pairs(kinds) do
        helper.has({ message = "Unsupported fd type: " .. kind },
          helper.raised(socket.bind, socket, { fd = fd }))
      end
      helper.has({ message = "Unsupported fd type: PIPE" },
        helper.raised(socket.bind, socket, { fd = ends.read }))
      for _, fd in ipairs { file, null, ends.read, ends.write } do uv.fs_close(fd) end
      helper.close(pipe, socket)
    end)
  end)

  -- The status flags of a descriptor, as an octal number in text.
  local function flags(fd)
    return helper.read("/proc/self/fdinfo/" .. fd):match("flags:%s*(%d+)")
  end

  it("leaves a datagram socket of another type as it is", function()
    if not uv.fs_stat("/proc/self/fdinfo/0") then pending("needs /proc") end
    helper.run(function()
      local blocking = { nonblock = false }
      local pair = uv.socketpair("dgram", nil, blocking, blocking)
      local before, socket = flags(pair[1]), dgram.createSocket("udp4")
      helper.has({ message = "Unsupported fd type: unix_dgram" },
        helper.raised(socket.bind, socket, { fd = pair[1] }))
      assert.equal(before, flags(pair[1]))
      for kind, other in pairs { udp4 = "udp6", udp6 = "udp4" } do
        local first, second = dgram.createSocket(kind), dgram.createSocket(other)
        first:setTTL(9) -- opens it
        helper.has({ message = "Unsupported fd type: " .. kind },
          helper.raised(second.bind, second, { fd = first:fileno() }))
        helper.close(first, second)
      end
      socket:close()
      local owner = dgram.createSocket("unix_dgram")
      for _, fd in ipairs { pair[1], pair[2] } do
        owner:bind({ fd = fd })
        owner:close()
        owner = dgram.createSocket("unix_dgram")
      end
      owner:close()
    end)
  end)
end)

describe("tostring", function()
  it("tells type, ends and state", function()
    helper.run(function()
      for kind, form in pairs { udp4 = "127.0.0.1:%d", udp6 = "[::1]:%d" } do
        local server, client = helper.bound(kind), dgram.createSocket(kind)
        local port = server:address().port
        local name = "dgram.Socket (" .. kind .. ", "
        local here = form:format(port)
        assert.equal(name .. "unbound)", tostring(client))
        assert.equal(name .. here .. ", bound)", tostring(server))
        client:connectSync(port, helper.LOOPBACK[kind])
        local there = form:format(client:address().port)
        assert.equal(name .. there .. " -> " .. here .. ", connected)", tostring(client))
        helper.close(client, server)
        assert.equal(name .. "closed)", tostring(client))
      end
    end)
  end)

  it("tells the path of a unix socket that has one, and what is under way", function()
    helper.run(function()
      local server, client = helper.bound("unix_dgram"), dgram.createSocket("unix_dgram")
      local path = server:address().address
      assert.equal("dgram.Socket (unix_dgram, " .. path .. ", bound)", tostring(server))
      client:connectSync(path)
      assert.equal("dgram.Socket (unix_dgram -> " .. path .. ", connected)",
        tostring(client))
      helper.close(client, server)
      local slow = dgram.createSocket { type = "udp4", lookup = function() end }
      slow:bind(0, "name.test")
      assert.equal("dgram.Socket (udp4, binding)", tostring(slow))
      slow:close()
    end)
  end)
end)

describe("ref and unref", function()
  -- Whether a program that makes such a socket ends by itself: prints "end".
  local programs = {
    ["an unbound socket lets the loop end"] = [[ dgram.createSocket("udp4") uv.run() ]],
    ["an unref'ed socket lets the loop end"] = [[
      dgram.createSocket("udp4"):bind():unref() uv.run() ]],
    ["a socket unref'ed before bind lets the loop end"] = [[
      local s = dgram.createSocket("udp4") s:unref() s:bind() uv.run() ]],
    ["a socket that sent and was unref'ed lets the loop end"] = [[
      local s = dgram.createSocket("udp4")
      s:send("x", 9, "127.0.0.1", function() s:unref() end) uv.run() ]],
    ["an unbound unix socket that sent lets the loop end"] = [[
      dgram.createSocket("unix_dgram"):send("x", "/nowhere/at/all", print) uv.run() ]],
  }
  for name, code in pairs(programs) do
    it(name, function()
      helper.run(function()
        assert.truthy(output(code .. ' print "end"'):find("end\n$"))
      end)
    end)
  end

  it("ref undoes unref, and both return the socket", function()
    helper.run(function()
      local socket = helper.bound("udp4")
      assert.equal(socket, socket:unref())
      assert.is_false(uv.loop_alive())
      assert.equal(socket, socket:ref())
      assert.is_true(uv.loop_alive())
      socket:close()
    end)
  end)
end)

describe("close", function()
  it("emits 'close' once, later, and returns the socket", function()
    helper.run(function()
      for _, socket in ipairs { dgram.createSocket("udp4"), (helper.bound("udp4")),
        dgram.createSocket("unix_dgram"), (helper.bound("unix_dgram")) } do
        local returned, order = false, {}
        socket:on("close", helper.expect(function()
          assert.is_true(returned)
          order[#order + 1] = "listener"
        end))
        assert.equal(socket, socket:close(helper.expect(function()
          order[#order + 1] = "callback"
        end)))
        returned = true
        helper.fill(order, 2)
        assert.same({ "listener", "callback" }, order)
      end
    end)
  end)

  it("frees the port by the time of 'close'", function()
    helper.run(function()
      local first = helper.bound("udp4")
      local at = first:address()
      first:close(helper.expect(function()
        local second = dgram.createSocket("udp4")
        assert.equal(at.port, second:bindSync(at).port)
        second:close()
      end))
    end)
  end)

  it("during bind emits no 'listening'", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      socket:on("listening", helper.expect(0))
      socket:bind(0, "127.0.0.1", helper.expect(0))
      socket:close(helper.expect())
    end)
  end)

  it("delivers nothing that waits", function()
    helper.run(function()
      local socket = helper.bound("udp4")
      socket:on("message", helper.expect(0))
      local sender = uv.new_udp()
      for _ = 1, 5 do sender:try_send("x", "127.0.0.1", socket:address().port) end
      socket:close(helper.expect())
      sender:close()
    end)
  end)

  it("happens at the end of a to-be-closed variable's scope", function()
    if _VERSION < "Lua 5.4" then pending("Lua 5.4 brought <close>") end
    helper.run(function()
      local test = assert(load [[
        local dgram, expect = ...
        do
          local socket <close> = dgram.createSocket("udp4")
          socket:bindSync { address = "127.0.0.1" }
          socket:on("close", expect())
        end
        do
          local socket <close> = dgram.createSocket("udp4")
          socket:on("close", expect())
          socket:close()
        end
        pcall(function()
          local socket <close> = dgram.createSocket("udp4")
          socket:bindSync { address = "127.0.0.1" }
          socket:on("close", expect())
          error "leaves the scope"
        end)]])
      test(dgram, helper.expect)
    end)
  end)

  it("10 000 times leaves the descriptors as they were", function()
    helper.run(function()
      local left = 10000
      local function again()
        if left == 0 then return end
        left = left - 1
        local socket = dgram.createSocket("udp4")
        socket:bindSync { address = "127.0.0.1" }
        socket:close(again)
      end
      for _ = 1, 20 do again() end
      helper.wait(function() return left == 0 end, 20)
    end)
  end)
end)

describe("garbage collection", function()
  -- Counts the descriptors that are left after `make` and a collection.
  local function left_after(make)
    local before = helper.descriptors()
    for _ = 1, 50 do make() end
    collectgarbage()
    collectgarbage()
    return helper.descriptors() - before
  end

  it("closes an unbound socket whose descriptor was opened", function()
    helper.run(function()
      assert.equal(0, left_after(function() dgram.createSocket("udp4"):setTTL(5) end))
      assert.equal(0, left_after(function()
        dgram.createSocket("unix_dgram"):getSendBufferSize()
      end))
    end)
  end)

  it("closes an unbound socket with listeners that refer to it", function()
    helper.run(function()
      assert.equal(0, left_after(function()
        local socket
        socket = dgram.createSocket("udp4", function() socket:close() end)
        socket:setBroadcast(true)
      end))
    end)
  end)

  it("closes an unbound unix socket that sent", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      for i = 1, 30 do
        dgram.createSocket("unix_dgram"):send("x", server:address().address)
        helper.fill(inbox, i)
      end
      uv.run("nowait")
      local before = helper.descriptors()
      collectgarbage()
      collectgarbage()
      assert.is_true(helper.descriptors() <= before - 29)
      server:close()
    end)
  end)

  it("closes a socket whose bind failed", function()
    helper.run(function()
      local server = helper.bound("udp4")
      local before = helper.descriptors()
      for _ = 1, 20 do
        local socket = dgram.createSocket("udp4")
        pcall(socket.bindSync, socket, server:address())
      end
      collectgarbage()
      collectgarbage()
      assert.equal(before, helper.descriptors())
      server:close()
    end)
  end)

  it("takes closed sockets whose adapter calls them in a function of Lua's", function()
    helper.run(function()
      local sockets, loop = setmetatable({}, { __mode = "k" }), (traffic.counting())
      local client, heard = dgram.createSocket("udp4"), 0
      local function listener() heard = heard + 1 end
      local function serve(count) -- LuaJIT compiles the adapter for each socket
        local socket = dgram.createSocket({ type = "udp4", loop = loop }, listener)
        local port = socket:bindSync({ address = "127.0.0.1" }).port
        sockets[socket], heard = true, 0
        for i = 1, count do
          client:send("x", port, "127.0.0.1")
          helper.wait(function() return heard == i end)
        end
        helper.closed(socket)
      end
      for _ = 1, 20 do serve(100) end
      client:close()
      collectgarbage()
      collectgarbage()
      assert.is_true(next(sockets) == nil)
    end)
  end)

  it("leaves a bound socket alone that nobody refers to", function()
    helper.run(function()
      local heard
      local function make()
        local socket
        socket = dgram.createSocket("udp4", function(msg) heard = msg socket:close() end)
        return socket:bindSync({ address = "127.0.0.1" }).port
      end
      local port = make()
      collectgarbage()
      collectgarbage()
      local client = dgram.createSocket("udp4")
      client:send("x", port)
      client:close()
      helper.wait(function() return heard end)
    end)
  end)

  it("at every call changes nothing", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4")
      local client, called = dgram.createSocket("udp4"), 0
      debug.sethook(function() collectgarbage() end, "", 100)
      for i = 1, 50 do
        client:send("n" .. i, server:address().port, function() called = called + 1 end)
      end
      helper.fill(inbox, 50)
      client:close()
      helper.wait(function() return called == 50 end)
      debug.sethook()
      server:close()
    end)
  end)
end)

describe("lua_close", function()
  -- Programs that end in the middle of something; each must end in peace.
  local programs = {
    ["with bound sockets"] = [[
      for _ = 1, 5 do dgram.createSocket("udp4"):bind() end ]],
    ["with bound sockets that listen"] = [[
      for _ = 1, 5 do dgram.createSocket("udp6"):bind() end uv.run("nowait") ]],
    ["with sends on their way"] = [[
      local s = dgram.createSocket("udp4")
      for _ = 1, 1000 do s:send("x", 9, "127.0.0.1", print) end ]],
    ["with lookups on their way"] = [[
      local s = dgram.createSocket("udp4")
      s:send("x", 9, "localhost", print) ]],
    ["with the lookup of a bind on its way"] = [[
      dgram.createSocket("udp4"):bind(0, "localhost") ]],
    ["with the lookup of a connect on its way"] = [[
      dgram.createSocket("udp4"):connect(9, "localhost") ]],
    ["with the lookup of a bound socket's connect on its way"] = [[
      local s = dgram.createSocket("udp4")
      s:bindSync()
      s:connect(9, "localhost") ]],
    ["with a lookup on its way, and the socket closed"] = [[
      local s = dgram.createSocket("udp4")
      s:send("x", 9, "localhost", print)
      s:close() ]],
    ["with an error that nobody hears"] = [[
      local s = dgram.createSocket("udp4")
      s:bind(0, "192.0.2.254") ]],
    ["with a socket being closed"] = [[
      dgram.createSocket("udp4"):bind():close() ]],
    ["with a socket being closed, a turn later"] = [[
      dgram.createSocket("udp4"):bind():close() uv.run("nowait") ]],
    ["in 'close'"] = [[
      dgram.createSocket("udp4"):bind():close(function() os.exit(0, true) end) uv.run() ]],
    ["in 'listening'"] = [[
      dgram.createSocket("udp4"):bind(function() os.exit(0, true) end) uv.run() ]],
    ["in the callback of send"] = [[
      local s = dgram.createSocket("udp4")
      for _ = 1, 10 do s:send("x", 9, "127.0.0.1", function() os.exit(0, true) end) end
      uv.run() ]],
    ["in the callback of a lookup"] = [[
      local s = dgram.createSocket("udp4")
      s:send("x", 9, "localhost", function() os.exit(0, true) end) uv.run() ]],
    ["with a queue that waits for its peer"] = [[
      local path = os.tmpname() os.remove(path)
      local s, c = dgram.createSocket("unix_dgram"), dgram.createSocket("unix_dgram")
      s:bind(path)
      for _ = 1, 100 do c:send("x", path, print) end uv.run("nowait") ]],
    ["with a signal"] = [[
      local c = dgram.AbortController()
      dgram.createSocket({ type = "udp4", signal = c.signal }):bind() ]],
  }
  for name, code in pairs(programs) do
    it(name .. " ends in peace", function()
      helper.run(function() output(code) end)
    end)
  end

  it("in the middle of a burst of messages ends in peace", function()
    helper.run(function()
      output [[
        local s = dgram.createSocket("udp4", function() os.exit(0, true) end)
        local port = s:bindSync({ address = "127.0.0.1" }).port
        for _ = 1, 100 do s:send("x", port) end
        uv.run()
        os.exit(1) ]]
    end)
  end)

  it("removes the path of a unix socket", function()
    helper.run(function()
      local path = helper.path()
      output(([[
        dgram.createSocket("unix_dgram"):bind(%q)
        uv.run("nowait")
        assert(uv.fs_stat(%q)) ]]):format(path, path))
      assert.is_nil(uv.fs_stat(path))
    end)
  end)
end)
