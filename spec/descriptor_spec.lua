-- Descriptors from elsewhere: adopted by createSocket and bindSync, passed by a
-- service manager, made in pairs.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

-- A bound descriptor of a type that no socket has; returns it and its address.
local function bound_descriptor(kind)
  local raw = inside.raw(kind)
  if kind == "unix_dgram" then assert(raw:bindPath(helper.path()))
  else assert(raw:bind(helper.LOOPBACK[kind], 0)) end
  local fd, address, port = raw:fileno(), raw:name()
  raw:disown()
  return fd, address, port
end

-- Sends a message to where a socket is bound.
local function greet(sender, msg, address, port)
  if port > 0 then sender:send(msg, port, address) else sender:send(msg, address) end
end

describe("createSocket{fd=}", function()
  for _, kind in ipairs { "udp4", "udp6", "unix_dgram" } do
    it("finds out that a descriptor is " .. kind .. ", adopts and binds it", function()
      helper.run(function()
        local fd, address, port = bound_descriptor(kind)
        local heard, client = {}, dgram.createSocket(kind)
        local socket = dgram.createSocket({ fd = fd }, function(msg)
          heard[#heard + 1] = msg
        end)
        socket:on("listening", helper.expect())
        assert.same({ kind, fd, address }, { socket.type, socket:fileno(),
          socket:address().address })
        greet(client, "x", address, port)
        assert.same({ "x" }, helper.fill(heard))
        helper.close(socket, client)
      end)
    end)
  end

  it("throws for a type that does not fit, and leaves the descriptor open", function()
    helper.run(function()
      local fd = bound_descriptor("udp4")
      for _, kind in ipairs { "udp6", "unix_dgram" } do
        helper.has({ code = "ERR_INVALID_FD_TYPE",
          message = "Unsupported fd type: udp4" },
          helper.raised(dgram.createSocket, { type = kind, fd = fd }))
      end
      helper.has({ code = "ERR_SOCKET_BAD_TYPE" },
        helper.raised(dgram.createSocket, { type = "tcp", fd = fd }))
      dgram.createSocket({ type = "udp4", fd = fd }):close()
    end)
  end)

  it("throws for what is no datagram socket", function()
    helper.run(function()
      local server = uv.new_tcp()
      server:bind("127.0.0.1", 0)
      local file = uv.fs_open("spec/README.md", "r", 0)
      local kinds = { TCP = server:fileno(), FILE = file, INVALID = 1000000 }
      for kind, fd in pairs(kinds) do
        helper.has({ code = "ERR_INVALID_FD_TYPE", name = "TypeError",
          message = "Unsupported fd type: " .. kind },
          helper.raised(dgram.createSocket, { fd = fd }))
      end
      uv.fs_close(file)
      server:close()
    end)
  end)

  it("throws for what is no number of a descriptor", function()
    helper.has({ code = "ERR_INVALID_ARG_TYPE" },
      helper.raised(dgram.createSocket, { fd = "3" }))
    for _, fd in ipairs { -1, 0.5, 2 ^ 31 } do
      helper.has({ code = "ERR_OUT_OF_RANGE" },
        helper.raised(dgram.createSocket, { fd = fd }))
    end
  end)

  it("throws EEXIST for one that a socket has, whatever its state and loop", function()
    helper.run(function()
      local loop = inside.poll_loop.new()
      local unbound, bound = dgram.createSocket("udp4"), helper.bound("udp4")
      local other = dgram.createSocket { type = "udp6", loop = loop }
      local closing = helper.bound("unix_dgram")
      unbound:setTTL(5)
      other:bindSync { address = "::1" }
      local taken = closing:fileno()
      closing:close()
      for _, fd in ipairs { unbound:fileno(), bound:fileno(), other:fileno(), taken } do
        helper.has({ code = "EEXIST", syscall = "open" },
          helper.raised(dgram.createSocket, { fd = fd }))
      end
      helper.close(unbound, bound, other)
      loop.run()
    end)
  end)

  it("is tuned, and closed by a signal, as any other", function()
    helper.run(function()
      local controller = dgram.AbortController()
      controller:abort()
      local socket = dgram.createSocket { fd = bound_descriptor("udp4"),
        recvBufferSize = 65536 }
      assert.is_true(socket:getRecvBufferSize() >= 65536)
      socket:close()
      local closed = dgram.createSocket { fd = bound_descriptor("udp4"),
        signal = controller.signal }
      closed:on("close", helper.expect())
    end)
  end)

  it("knows the peer of a descriptor that is connected", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4")
      local raw = inside.raw("udp4")
      assert(raw:connect("127.0.0.1", server:address().port))
      local fd = raw:fileno()
      raw:disown()
      local client = dgram.createSocket { fd = fd }
      assert.same(server:address(), client:remoteAddress())
      client:send("x", helper.sent(1))
      assert.equal("x", helper.fill(inbox)[1].msg)
      helper.has({ code = "ERR_SOCKET_DGRAM_IS_CONNECTED" },
        helper.raised(client.connect, client, 9))
      client:disconnect()
      client:send("y", server:address().port, helper.sent(1))
      assert.equal("y", helper.fill(inbox, 2)[2].msg)
      helper.close(client, server)
    end)
  end)

  it("refuses one that is connected to a blocked peer", function()
    helper.run(function()
      local list, raw = dgram.BlockList(), inside.raw("udp4")
      list:addAddress("127.0.0.2")
      assert(raw:connect("127.0.0.2", 9))
      local fd = raw:fileno()
      raw:disown()
      helper.has({ code = "ERR_IP_BLOCKED" },
        helper.raised(dgram.createSocket, { fd = fd, sendBlockList = list }))
      dgram.createSocket({ fd = fd }):close()
    end)
  end)
end)

describe("bindSync{fd=}", function()
  it("adopts the descriptor and returns its address", function()
    helper.run(function()
      local fd, address, port = bound_descriptor("udp4")
      local socket = dgram.createSocket("udp4")
      socket:on("listening", helper.expect(function() socket:close() end))
      assert.same({ address = address, family = "IPv4", port = port },
        socket:bindSync { fd = fd })
      assert.equal(fd, socket:fileno())
      helper.has({ code = "ERR_SOCKET_ALREADY_BOUND" },
        helper.raised(socket.bindSync, socket, { fd = fd }))
    end)
  end)

  it("throws what bind throws, and the socket is usable afterwards", function()
    helper.run(function()
      local socket, other = dgram.createSocket("udp4"), helper.bound("udp4")
      helper.has({ code = "ERR_INVALID_FD_TYPE" },
        helper.raised(socket.bindSync, socket, { fd = 1000000 }))
      helper.has({ code = "EEXIST" },
        helper.raised(socket.bindSync, socket, { fd = other:fileno() }))
      helper.has({ code = "ERR_OUT_OF_RANGE" },
        helper.raised(socket.bindSync, socket, { fd = -1 }))
      socket:bindSync { address = "127.0.0.1" }
      helper.close(socket, other)
    end)
  end)

  it("throws for a socket that has a peer already", function()
    helper.run(function()
      local fd, peer = bound_descriptor("unix_dgram"), helper.bound("unix_dgram")
      local socket = dgram.createSocket("unix_dgram")
      socket:connectSync(peer:address().address)
      helper.has({ code = "ERR_SOCKET_DGRAM_IS_CONNECTED" },
        helper.raised(socket.bindSync, socket, { fd = fd }))
      helper.close(socket, peer)
      dgram.createSocket({ fd = fd }):close()
    end)
  end)
end)

describe("socketpair", function()
  it("makes two sockets that are connected to each other", function()
    helper.run(function()
      local first, second = dgram.socketpair()
      local heard = { helper.listen(first), helper.listen(second) }
      for _, socket in ipairs { first, second } do
        assert.equal("unix_dgram", socket.type)
        assert.same({ address = "" }, socket:remoteAddress())
        socket:on("listening", helper.expect())
      end
      first:send("to the second", helper.sent())
      second:sendMany({ "to", "the", "first" }, helper.sent())
      assert.same({ "to", "the", "first" }, helper.fill(heard[1], 3))
      assert.same({ "to the second" }, helper.fill(heard[2]))
      helper.close(first, second)
    end)
  end)

  it("takes the options of createSocket", function()
    helper.run(function()
      local loop, list = inside.poll_loop.new(), {}
      local first, second = dgram.socketpair { loop = loop, recvBufferSize = 65536,
        type = "unix_dgram" }
      assert.is_true(second:getRecvBufferSize() >= 65536)
      first:on("message", function(msg)
        list[#list + 1] = msg
        helper.close(first, second)
      end)
      second:send("x")
      loop.run()
      assert.same({ "x" }, list)
      local controller = dgram.AbortController()
      for _, socket in ipairs { dgram.socketpair { signal = controller.signal } } do
        socket:on("close", helper.expect())
      end
      controller:abort()
    end)
  end)

  it("throws for options of which no pair can be made", function()
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, helper.raised(dgram.socketpair, 5))
    for _, options in ipairs { { type = "udp4" }, { fd = 3 }, { lop = {} } } do
      helper.has({ code = "ERR_INVALID_ARG_VALUE" },
        helper.raised(dgram.socketpair, options))
    end
  end)

  it("that cannot be watched leaves nothing behind", function()
    helper.run(function()
      for made = 0, 1 do
        local loop, count = inside.poll_loop.new(), 0
        local poll = loop.poll
        function loop.poll(...)
          count = count + 1
          if count > made then return nil, "EMFILE" end
          return poll(...)
        end
        helper.has({ code = "EMFILE", syscall = "open" },
          helper.raised(dgram.socketpair, { loop = loop }))
        loop.run()
      end
    end)
  end)

  it("loses nothing when the other end reads later", function()
    helper.run(function()
      local first, second = dgram.socketpair()
      local heard, sent = helper.listen(second:pause()), traffic.numbered(3000)
      local payload, done = ("x"):rep(1000), helper.expect(#sent)
      for i, number in ipairs(sent) do
        sent[i] = number .. payload
        first:send(sent[i], done)
      end
      helper.pass(20)
      assert.is_true(first:getSendQueueCount() > 0)
      second:resume()
      assert.same(sent, helper.fill(heard, #sent))
      helper.close(first, second)
    end)
  end)

  it("does not turn the loop while the other end does not read", function()
    helper.run(function()
      local first, second = dgram.socketpair()
      second:pause()
      repeat local below = first:send(("x"):rep(1000)) until not below
      helper.pass(5)
      traffic.assert_rests("a full pair")
      helper.close(second, first)
    end)
  end)

  it("tells an end that the other is closed", function()
    helper.run(function()
      local first, second = dgram.socketpair()
      helper.closed(second)
      first:send("x", helper.expect(function(err)
        helper.has({ code = "ECONNREFUSED", message = "send ECONNREFUSED" }, err)
        first:close()
      end))
    end)
  end)

  it("is let go by disconnect; what waits then fails", function()
    helper.run(function()
      local first, second = dgram.socketpair()
      local codes = {}
      second:pause()
      for _ = 1, 3000 do
        first:send(("x"):rep(1000), function(err)
          if err then codes[err.code] = true end
        end)
      end
      first:disconnect()
      helper.has({ code = "ERR_SOCKET_DGRAM_NOT_CONNECTED" },
        helper.raised(first.remoteAddress, first))
      helper.wait(function() return first:getSendQueueCount() == 0 end)
      assert.same({ ENOTCONN = true }, codes)
      helper.close(first, second)
    end)
  end)
end)

-- Prints what a program was passed, and adopts the datagram sockets among it: each
-- answers one message.
local SERVICE = [[
  io.stdout:setvbuf("line")
  local ok, list = pcall(dgram.listenFds)
  if not ok then return print(list) end
  print("passed", #list)
  for _, each in ipairs(list) do
    print(each.fd, each.name, each.type)
    if each.type:find "^[a-z]" then
      local socket
      socket = dgram.createSocket({ fd = each.fd }, function(msg, rinfo)
        print("got", msg, rinfo.family)
        socket:close()
      end)
    end
  end
  uv.run()
]]

-- Starts a service that is passed descriptors by these variables; $$ is its pid.
local function service(variables, ...)
  local script = Child.script(SERVICE)
  return Child.with({ ... }, "sh", "-c", variables .. ' exec "$0" "$1" 2>&1',
    uv.exepath(), script)
end

describe("listenFds", function()
  it("finds what a service manager passes, with names and types", function()
    helper.run(function()
      local udp4, _, port = bound_descriptor("udp4")
      local udp6, unix = bound_descriptor("udp6"), bound_descriptor("unix_dgram")
      local tcp = uv.new_tcp()
      tcp:bind("127.0.0.1", 0)
      local child = service("LISTEN_FDS=4 LISTEN_PID=$$ LISTEN_FDNAMES=dns::a:b",
        udp4, udp6, unix, tcp:fileno())
      assert.equal("passed\t4", child:line())
      assert.equal("3\tdns\tudp4", child:line())
      assert.equal("4\t\tudp6", child:line())
      assert.equal("5\ta\tunix_dgram", child:line())
      assert.equal("6\tb\tTCP", child:line())
      local client = dgram.createSocket("udp4")
      client:send("hello", port)
      assert.equal("got\thello\tIPv4", child:line())
      child:stop()
      helper.close(client, tcp)
      for _, fd in ipairs { udp4, udp6, unix } do dgram.createSocket({ fd = fd }):close() end
    end)
  end)

  it("calls those without names unknown", function()
    helper.run(function()
      local fd = bound_descriptor("udp4")
      local child = service("unset LISTEN_FDNAMES; LISTEN_FDS=1 LISTEN_PID=$$", fd)
      assert.equal("3\tunknown\tudp4", child:line("^3.*"))
      child:stop()
      dgram.createSocket({ fd = fd }):close()
    end)
  end)

  it("closes them in programs that it executes", function()
    helper.run(function()
      local fd, script = bound_descriptor("udp4"), Child.script([[
        dgram.listenFds()
        os.execute("test -e /proc/self/fd/3; echo $?")
      ]])
      if not uv.fs_stat("/proc/self/fd") then pending("needs /proc") end
      local child = Child.with({ fd }, "sh", "-c",
        'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$1" 2>&1', uv.exepath(), script)
      assert.equal("1", child:line())
      assert.equal(0, child:wait())
      dgram.createSocket({ fd = fd }):close()
    end)
  end)

  -- Variables by which nothing is passed to this process.
  for _, variables in ipairs { "unset LISTEN_PID; LISTEN_FDS=1",
    "LISTEN_FDS=1 LISTEN_PID=1", "unset LISTEN_FDS; LISTEN_PID=$$" } do
    it("is empty: " .. variables, function()
      helper.run(function()
        local status, text = service(variables):outcome()
        assert.same({ 0, "passed\t0\n" }, { status, text })
      end)
    end)
  end

  -- Variables that sd_listen_fds(3) calls errors, and which.
  for variables, code in pairs {
    ["LISTEN_FDS=1 LISTEN_PID=me"] = "EINVAL", ["LISTEN_FDS=1 LISTEN_PID="] = "EINVAL",
    ["LISTEN_FDS=x LISTEN_PID=$$"] = "EINVAL", ["LISTEN_FDS=0 LISTEN_PID=$$"] = "EINVAL",
    ["LISTEN_FDS=-1 LISTEN_PID=$$"] = "EINVAL",
    ["LISTEN_FDS=2147483645 LISTEN_PID=$$"] = "EINVAL",
    ["LISTEN_FDS=1e0 LISTEN_PID=$$"] = "EINVAL",
    ["LISTEN_FDS=1 LISTEN_FDNAMES=a:b LISTEN_PID=$$"] = "EINVAL",
    ["LISTEN_FDS=1000 LISTEN_PID=$$"] = "EBADF",
  } do
    it("throws " .. code .. ": " .. variables, function()
      helper.run(function()
        local _, text = service(variables):outcome()
        assert.equal("Error: sd_listen_fds " .. code, text:match("^(.-) %("))
      end)
    end)
  end

  -- Starts the service as systemd would, at the first datagram to an address.
  local function activated(address)
    if not host.has("systemd-socket-activate") then
      pending("needs systemd-socket-activate")
    end
    local script = Child.script(SERVICE)
    local child = Child.start("sh", "-c", 'exec systemd-socket-activate --datagram '
      .. '-E LUA_PATH -E LUA_CPATH -E LD_PRELOAD --fdname=mine -l "$0" "$1" "$2" 2>&1',
      address, uv.exepath(), script)
    child:line("^Listening on .* as 3")
    return child
  end

  -- Expects that the service finds a socket of a type, and what it was woken by.
  local function expect_service(child, kind, family)
    assert.equal("3\tmine\t" .. kind, child:line("^3\t.*"))
    assert.equal("got\twake\t" .. family, child:line())
    assert.equal(0, child:wait())
  end

  for kind, form in pairs { udp4 = "127.0.0.1:%d", udp6 = "[::1]:%d" } do
    it("works under systemd-socket-activate, " .. kind, function()
      helper.run(function()
        local port, client = traffic.closed_port(kind), dgram.createSocket(kind)
        local child = activated(form:format(port))
        client:send("wake", port)
        expect_service(child, kind, kind == "udp4" and "IPv4" or "IPv6")
        client:close()
      end, 20)
    end)
  end

  it("works under systemd-socket-activate, unix", function()
    helper.run(function()
      local path, client = helper.path(), dgram.createSocket("unix_dgram")
      local child = activated(path)
      client:send("wake", path)
      expect_service(child, "unix_dgram", "unix")
      client:close()
    end, 20)
  end)
end)
