-- Descriptors from elsewhere: adopted by createSocket and bindSync, passed by a
-- service manager, made in pairs, and those that travel with unix datagrams.
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
      local err = helper.raised(dgram.createSocket, { fd = fd })
      assert.equal("ERR_OUT_OF_RANGE", err.code)
      assert.match("options.fd", err.message, 1, true)
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
    for _, options in ipairs { { type = "udp4" }, { fd = 3 }, { mode = 384 } } do
      helper.has({ code = "ERR_INVALID_ARG_VALUE",
        message = "A pair is of type 'unix_dgram', without 'options.fd' and 'options.mode'" },
        helper.raised(dgram.socketpair, options))
    end
    helper.has({ code = "ERR_INVALID_ARG_VALUE" },
      helper.raised(dgram.socketpair, { lop = {} }))
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
    ["LISTEN_FDS=40 LISTEN_FDNAMES=$(printf %39s | tr ' ' :) LISTEN_PID=$$"] = "EBADF",
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

-- ------------------------------------------------------------- passing them on

-- A pair whose second end is told of descriptors; its inbox.
local function passing(options)
  options = options or { recvInfo = { "descriptors" } }
  local first, second = dgram.socketpair(options)
  local inbox = {}
  second:on("message", function(msg, rinfo)
    inbox[#inbox + 1] = { msg = msg, from = rinfo }
  end)
  return first, second, inbox
end

-- Opens a file with a text; returns its descriptor.
local function file_with(text)
  return assert(uv.fs_open(helper.write(text), "r", 0))
end

-- The text of a file that was passed.
local function text_of(descriptor) return uv.fs_read(descriptor:fileno(), 100, 0) end

describe("a datagram with descriptors", function()
  it("brings them to a socket that asked for them", function()
    helper.run(function()
      local first, second, inbox = passing()
      local files = { file_with("one"), file_with("two") }
      first:send("x", { descriptors = files }, helper.sent(1))
      first:send("none", helper.sent(4))
      local came = helper.fill(inbox, 2)[1].from.descriptors
      assert.same({}, inbox[2].from.descriptors)
      assert.equal(2, #came)
      for i, text in ipairs { "one", "two" } do
        assert.not_equal(files[i], came[i]:fileno())
        assert.equal(text, text_of(came[i]))
        uv.fs_close(files[i])
        came[i]:close()
        came[i]:close()
        assert.is_nil(came[i]:fileno())
      end
      helper.close(first, second)
    end)
  end)

  it("passes a socket on, which is adopted", function()
    helper.run(function()
      local first, second, inbox = passing()
      local fd, _, port = bound_descriptor("udp4")
      first:send("x", { descriptors = { fd } }, helper.sent())
      local came = helper.fill(inbox)[1].from.descriptors[1]
      local heard = {}
      local socket = dgram.createSocket({ fd = came:take() }, function(msg)
        heard[#heard + 1] = msg
      end)
      uv.fs_close(fd)
      first:send("no descriptor of yours", helper.sent())
      local client = dgram.createSocket("udp4")
      client:send("hello", port, "127.0.0.1")
      assert.same({ "hello" }, helper.fill(heard))
      helper.close(first, second, socket, client)
    end)
  end)

  it("takes what came itself, in every form of send", function()
    helper.run(function()
      local server, client = dgram.createSocket { type = "unix_dgram",
        recvInfo = { "descriptors" } }, dgram.createSocket("unix_dgram")
      local to = server:bindSync({ path = helper.path() }).address
      local file, count, done = file_with("text"), 0, helper.expect(5)
      local options = { descriptors = { file } }
      server:on("message", function(_, rinfo)
        count = count + 1
        assert.equal("text", text_of(rinfo.descriptors[1]))
        if count == 1 then
          client:sendto("xyz", 1, 1, to, { descriptors = rinfo.descriptors }, done)
        end
      end)
      client:send("x", to, options, done)
      client:send("xyz", 1, 1, to, options, done)
      client:sendMany({ "x", "y" }, to, options, done)
      client:send({ "x", "y" }, to, options, done)
      helper.wait(function() return count == 6 end)
      uv.fs_close(file)
      helper.close(server, client)
    end)
  end)

  it("passes as many as the kernel takes, and no more", function()
    helper.run(function()
      local first, second, inbox = passing()
      local file, many = file_with("x"), {}
      for i = 1, 253 do many[i] = file end
      first:send("x", { descriptors = many }, helper.sent())
      local came = helper.fill(inbox)[1].from.descriptors
      assert.equal(253, #came)
      for _, each in ipairs(came) do each:close() end
      many[254] = file
      helper.has({ code = "ERR_OUT_OF_RANGE" },
        helper.raised(first.send, first, "x", { descriptors = many }))
      first:send("x", { descriptors = {} }, helper.sent())
      assert.same({}, helper.fill(inbox, 2)[2].from.descriptors)
      uv.fs_close(file)
      helper.close(first, second)
    end)
  end)

  it("tells who sent it and when, too", function()
    helper.run(function()
      local first, second, inbox = passing { recvInfo = { "descriptors", "timestamp" } }
      first:send("x", { descriptors = { 0 } }, helper.sent())
      local rinfo = helper.fill(inbox)[1].from
      assert.is_true(math.abs(rinfo.timestamp - os.time()) < 100)
      rinfo.descriptors[1]:close()
      helper.close(first, second)
    end)
  end)

  it("has the one that was closed after send returned", function()
    helper.run(function()
      for _, named in ipairs { false, true } do
        local server = dgram.createSocket { type = "unix_dgram",
          recvInfo = { "descriptors" } }
        local to = server:pause():bindSync({ path = helper.path() }).address
        local client, texts = dgram.createSocket("unix_dgram"), {}
        if named then client:bindSync { path = helper.path() } end
        server:on("message", function(_, rinfo)
          texts[#texts + 1] = text_of(rinfo.descriptors[1])
          rinfo.descriptors[1]:close()
        end)
        local wanted = traffic.numbered(40) -- more than a queue holds: a lane
        local done = helper.expect(#wanted)
        for _, text in ipairs(wanted) do
          local fd = file_with(text)
          client:send("x", to, { descriptors = { fd } }, done)
          uv.fs_close(fd)
        end
        client:flush()
        assert.is_true(client:getSendQueueCount() > 0)
        server:resume()
        assert.same(wanted, helper.fill(texts, #wanted))
        helper.close(client, server)
      end
    end)
  end)

  it("that is refused, cancelled or sent on to nobody leaves none open", function()
    helper.run(function()
      local server = dgram.createSocket { type = "unix_dgram",
        recvInfo = { "descriptors" } }
      local to = server:pause():bindSync({ path = helper.path() }).address
      local client = dgram.createSocket { type = "unix_dgram", linger = 0 }
      local before, codes = helper.descriptors(), {}
      local function done(err) codes[err and err.code or "sent"] = true end
      for _ = 1, 40 do client:send("x", to, { descriptors = { 0 } }, done) end
      client:send("x", "/no/such/path", { descriptors = { 0, 1 } }, done)
      client:flush()
      assert.is_true(helper.descriptors() > before)
      helper.closed(client)
      assert.same({ sent = true, ECANCELED = true, ENOENT = true }, codes)
      assert.equal(before, helper.descriptors())
      server:close()
    end)
  end)

  it("counts in the limits while it waits", function()
    helper.run(function()
      local server = dgram.createSocket { type = "unix_dgram",
        recvInfo = { "descriptors" } }
      local to = server:pause():bindSync({ path = helper.path() }).address
      local client = dgram.createSocket { type = "unix_dgram", maxQueue = 600000,
        highWaterMark = 200000, linger = 0 }
      local codes, sent = {}, 0
      local function done(err) codes[err and err.code or "sent"] = true end
      repeat
        sent = sent + 1
        local below = client:send("x", to, { descriptors = { 0 } }, done)
        client:flush()
      until not below
      assert.is_true(client:getSendQueueCount() <= 2)
      for _ = 1, 10 do client:send("x", to, { descriptors = { 0 } }, done) end
      assert.is_true(client:getSendQueueCount() <= 4)
      helper.wait(function() return codes.ENOBUFS end)
      helper.closed(client)
      server:close()
    end)
  end)

  it("is refused with a clear error for what is none", function()
    helper.run(function()
      local first, second, inbox = passing()
      for _, row in ipairs { { "x", "ERR_INVALID_ARG_TYPE" },
        { { "x" }, "ERR_INVALID_ARG_TYPE" }, { { io.stdout }, "ERR_INVALID_ARG_TYPE" },
        { { fd = 0 }, "ERR_INVALID_ARG_TYPE" },
        { setmetatable({}, { __index = { 0 } }), "ERR_INVALID_ARG_TYPE" },
        { { -1 }, "ERR_OUT_OF_RANGE" }, { { 0.5 }, "ERR_OUT_OF_RANGE" } } do
        helper.has({ code = row[2] },
          helper.raised(first.send, first, "x", { descriptors = row[1] }))
      end
      first:send("x", { descriptors = { 0, 100000 } }, helper.expect(function(err)
        helper.has({ code = "EBADF", message = "send EBADF" }, err)
      end))
      first:send("x", { descriptors = { 0 } })
      local came = helper.fill(inbox)[1].from.descriptors[1]
      local fd = came:take()
      helper.has({ code = "EBADF", syscall = "take" }, helper.raised(came.take, came))
      assert.equal("dgram.Descriptor (closed)", tostring(came))
      local err = helper.raised(first.send, first, "x", { descriptors = { came } })
      assert.equal("ERR_INVALID_ARG_VALUE", err.code)
      assert.matches("descriptors.*' was taken or closed$", err.message)
      uv.fs_close(fd)
      local udp = dgram.createSocket("udp4")
      helper.has({ code = "ERR_INVALID_ARG_VALUE" },
        helper.raised(udp.send, udp, "x", 9, { descriptors = { 0 } }))
      helper.close(first, second, udp)
    end)
  end)
end)

describe("a descriptor that came", function()
  it("is closed in programs that are executed", function()
    if not uv.fs_stat("/proc/self/fdinfo/0") then pending("needs /proc") end
    helper.run(function()
      local first, second, inbox = passing()
      first:send("x", { descriptors = { 0 } })
      local came = helper.fill(inbox)[1].from.descriptors[1]
      local info = helper.read("/proc/self/fdinfo/" .. came:fileno())
      assert.equal("2", info:match("flags:%s*%d*([0-7])[0-7][0-7][0-7][0-7][0-7][0-7]\n"))
      assert.equal(("dgram.Descriptor (%d)"):format(came:fileno()), tostring(came))
      came:close()
      helper.close(first, second)
    end)
  end)

  it("is closed when nobody uses it any more", function()
    helper.run(function()
      local first, second = passing()
      local count = 0
      second:on("message", function() count = count + 1 end)
      local before = helper.descriptors()
      for _ = 1, 3 do first:send("x", { descriptors = { 0, 1, 2 } }) end
      helper.wait(function() return count == 3 end)
      second:removeAllListeners("message")
      helper.close(first, second)
      assert.is_true(helper.descriptors() > before)
    end) -- which looks for what is left
  end)

  it("is closed at the end of its scope", function()
    if _VERSION < "Lua 5.4" then pending("Lua 5.4 brought <close>") end
    helper.run(function()
      local first, second, inbox = passing()
      first:send("x", { descriptors = { 0 } })
      local came = helper.fill(inbox)[1].from.descriptors[1]
      assert(load("local came <close> = ..."))(came)
      assert.is_nil(came:fileno())
      helper.close(first, second)
    end)
  end)

  -- What a socket does with what waits for it; none of it is left then.
  local fates = {
    ["whose socket has no listener"] = function(second)
      second:removeAllListeners("message")
      helper.wait(function() return second:stats().received == 20 end)
    end,
    ["whose socket is closed"] = function() end,
    ["whose socket is closed by its listener"] = function(second)
      local heard = 0
      second:on("message", function()
        heard = heard + 1
        second:close()
      end)
      helper.wait(function() return heard == 1 end)
    end,
    ["whose listener raises"] = function(second)
      local failures = 0
      second:on("message", function()
        failures = failures + 1
        error("no", 0)
      end)
      helper.wait(function() return failures == 20 end)
    end,
    ["whose socket is paused by its listener and closed"] = function(second)
      local heard = 0
      second:on("message", function()
        heard = heard + 1
        second:pause()
      end)
      helper.wait(function() return heard == 1 end)
      helper.pass(5)
    end,
  }
  for what, meet in pairs(fates) do
    it(what .. " is closed", function()
      helper.run(function()
        local first, second = passing { recvInfo = { "descriptors" },
          loop = (traffic.surviving()) }
        for _ = 1, 20 do first:send("x", { descriptors = { 0, 1 } }) end
        meet(second)
        first:close()
        if second:fileno() then second:close() end
      end)
    end)
  end

  -- Whether the system refuses those who pass descriptors: Linux 6.16.
  local function may_refuse()
    local system = uv.os_uname()
    local major, minor = system.release:match("^(%d+)%.(%d+)")
    return system.sysname == "Linux" and major * 100 + minor >= 616
  end

  it("is never one for a socket that did not ask, nor closed by it", function()
    helper.run(function()
      local infos = { {}, { "timestamp" } }
      if pcall(dgram.createSocket, { type = "unix_dgram", recvInfo = { "credentials" } })
      then infos[3], infos[4] = { "credentials" }, { "credentials", "timestamp" } end
      for _, info in ipairs(infos) do
        local server, heard = dgram.createSocket { type = "unix_dgram",
          recvInfo = info }, 0
        local to = server:bindSync({ path = helper.path() }).address
        local client = dgram.createSocket("unix_dgram")
        client:send("open", to, helper.sent())
        helper.wait(function() return server:stats().received == 1 end)
        local before, refused = helper.descriptors(), 0
        server:on("message", function(_, rinfo)
          assert.is_nil(rinfo.descriptors)
          assert.equal(before, helper.descriptors())
          heard = heard + 1
        end)
        client:flush()
        for _ = 1, 9 do
          client:send("x", to, { descriptors = { 0, 1, 2, 0, 1 } }, function(err)
            if not err then return end
            assert.equal("EPERM", err.code)
            refused = refused + 1
          end)
        end
        client:flush()
        helper.wait(function() return heard + refused == 9 end)
        assert.equal(may_refuse() and 9 or 0, refused)
        assert.equal(before, helper.descriptors())
        helper.close(client, server)
      end
    end)
  end)

  it("is kept while a finalizer pauses its socket", function()
    helper.run(function()
      local loop, COUNT, heard, over = inside.poll_loop.new(), 150, 0, false
      local first, second = dgram.socketpair { loop = loop,
        recvInfo = { "descriptors" } }
      local paused = 0
      local function finalizer()
        if over then return end
        paused = paused + 1
        second:pause()
      end
      second:on("message", function(msg, rinfo)
        heard = heard + 1
        assert.equal(heard, tonumber(msg:match("^%d+")))
        assert.equal(1, #rinfo.descriptors)
        for _, each in ipairs(rinfo.descriptors) do
          assert(each:fileno())
          each:close()
        end
        traffic.plant(finalizer)
      end)
      local more = ("x"):rep(30000) -- it keeps the collector busy
      for i = 1, COUNT do first:send(i .. more, { descriptors = { 0 } }) end
      traffic.hurry(true)
      for _ = 1, 20 * COUNT do
        loop.run("nowait")
        second:resume()
      end
      traffic.hurry(false)
      over = true
      assert.equal(COUNT, heard)
      assert.is_true(paused > 10, "no finalizer ran")
      helper.close(first, second)
      loop.run()
    end)
  end)

  it("of a flood that fills the process is lost with an error, no more", function()
    helper.run(function()
      local script = Child.script([[
        io.stdout:setvbuf("line")
        local first, second = dgram.socketpair { recvInfo = { "descriptors" } }
        local codes, heard, kept = {}, 0, {}
        local function done(err)
          if err then codes.send = err.code end
        end
        second:on("error", function(err) codes.receive = err.code end)
        second:on("message", function(msg, rinfo)
          heard = heard + 1
          if msg == "last" then
            print(codes.receive, codes.send, heard, #rinfo.descriptors)
            first:close()
            second:close()
          elseif heard < 7 then kept[#kept + 1] = rinfo.descriptors
          elseif heard == 7 then
            kept = nil
            collectgarbage()
            collectgarbage()
            first:send("last", { descriptors = { 0, 1 } })
          end
        end)
        for _ = 1, 7 do -- 56 on their way: who is not root may have no more than 60
          first:send("x", { descriptors = { 0, 1, 2, 0, 1, 2, 0, 1 } }, done)
        end
        uv.run()
      ]])
      local child = Child.start("sh", "-c", 'ulimit -n 60; exec "$0" "$1" 2>&1',
        uv.exepath(), script)
      assert.equal("EMFILE\tnil\t8\t2", child:line())
      assert.equal(0, child:wait())
    end)
  end)

  it("of such a flood does not have the process collect garbage and nothing else", function()
    helper.run(function()
      local script = Child.script([[
        io.stdout:setvbuf("line")
        local socket = dgram.createSocket { type = "unix_dgram",
          recvInfo = { "descriptors" } }
        local heap, kept, heard, collections, COUNT = {}, {}, 0, 0, 60
        for i = 1, 3e5 do heap[i] = { i } end
        local function plant() -- each collection of all calls it once
          local function count()
            collections = collections + 1
            plant()
          end
          if newproxy then getmetatable(newproxy(true)).__gc = count
          else setmetatable({}, { __gc = count }) end
        end
        socket:on("error", function() end)
        socket:on("message", function(_, rinfo)
          heard = heard + 1
          kept[heard] = rinfo.descriptors
          if heard < COUNT then return end
          print(collections <= COUNT / 4 or collections)
          socket:close()
        end)
        collectgarbage("stop") -- of its own
        plant()
        socket:bindSync { path = arg[1] }
        print("bound")
        uv.run()
      ]])
      local path, flood = helper.path(), dgram.createSocket("unix_dgram")
      local child = Child.start("sh", "-c", 'ulimit -n 60; exec "$0" "$1" "$2" 2>&1',
        uv.exepath(), script, path)
      assert.equal("bound", child:line())
      -- From here: who is not root may have as many on their way as it may have open.
      for _ = 1, 60 do
        flood:send("x", path, { descriptors = { 0, 1, 2, 0, 1, 2, 0, 1 } })
      end
      assert.equal("true", child:line())
      assert.equal(0, child:wait())
      helper.close(flood)
    end, 30)
  end)
end)
