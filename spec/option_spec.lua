-- Socket options: before, during and after bind.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local uv = require "luv"

local option = inside.option -- what was set cannot be read by public functions

-- A socket in each state an option may be set in.
local function states(kind)
  local bound = helper.bound(kind)
  local binding = dgram.createSocket(kind):bind()
  return { ["before bind"] = dgram.createSocket(kind), ["during bind"] = binding,
    ["after bind"] = bound }
end

-- Calls test(socket) for a socket in each state, and closes it.
local function in_every_state(kind, test)
  for _, socket in pairs(states(kind)) do
    test(socket)
    socket:close()
  end
end

for kind, loopback in pairs(helper.LOOPBACK) do
  describe("a " .. kind .. " socket", function()
    it("takes a ttl of 1 to 255 in every state, and returns it", function()
      helper.run(function()
        in_every_state(kind, function(socket)
          for _, ttl in ipairs { 1, 64, 255 } do
            assert.equal(ttl, socket:setTTL(ttl))
            assert.equal(ttl, option(socket, "ttl"))
          end
          for _, ttl in ipairs { 0, 256, -1, 1000 } do
            helper.has({ code = "EINVAL", syscall = "setTTL", message = "setTTL EINVAL",
              name = "Error" }, helper.raised(socket.setTTL, socket, ttl))
          end
          assert.equal(255, option(socket, "ttl"))
        end)
      end)
    end)

    it("takes a multicast ttl of 0 to 255 in every state, and returns it", function()
      helper.run(function()
        in_every_state(kind, function(socket)
          for _, ttl in ipairs { 0, 1, 255 } do
            assert.equal(ttl, socket:setMulticastTTL(ttl))
            assert.equal(ttl, option(socket, "multicastTTL"))
          end
          for _, ttl in ipairs { 256, -1, 1000 } do
            helper.has({ code = "EINVAL", message = "setMulticastTTL EINVAL" },
              helper.raised(socket.setMulticastTTL, socket, ttl))
          end
          assert.equal(255, option(socket, "multicastTTL"))
        end)
      end)
    end)

    it("keeps ttl and multicast ttl apart", function()
      helper.run(function()
        local socket = helper.bound(kind)
        socket:setTTL(5)
        socket:setMulticastTTL(7)
        assert.equal(5, option(socket, "ttl"))
        assert.equal(7, option(socket, "multicastTTL"))
        socket:close()
      end)
    end)

    it("takes multicast loopback in every state, and returns it", function()
      helper.run(function()
        in_every_state(kind, function(socket)
          for _, flag in ipairs { false, true } do
            assert.equal(flag, socket:setMulticastLoopback(flag))
            assert.equal(flag and 1 or 0, option(socket, "multicastLoopback"))
          end
        end)
      end)
    end)

    it("takes broadcast in every state, and returns nothing", function()
      helper.run(function()
        in_every_state(kind, function(socket)
          for _, flag in ipairs { true, false } do
            assert.equal(0, select("#", socket:setBroadcast(flag)))
            assert.equal(flag and 1 or 0, option(socket, "broadcast"))
          end
        end)
      end)
    end)

    it("tells and sets its buffer sizes in every state", function()
      helper.run(function()
        in_every_state(kind, function(socket)
          for _, name in ipairs { "RecvBufferSize", "SendBufferSize" } do
            assert.is_true(socket["get" .. name](socket) > 0)
            socket["set" .. name](socket, 20000)
            local size = socket["get" .. name](socket)
            assert.is_true(size == 20000 or size == 40000, "Linux doubles: " .. size)
          end
        end)
      end)
    end)

    it("gets its buffer sizes from createSocket", function()
      helper.run(function()
        local socket = helper.bound { type = kind, recvBufferSize = 20000,
          sendBufferSize = 30000 }
        local received, sent = socket:getRecvBufferSize(), socket:getSendBufferSize()
        assert.is_true(received == 20000 or received == 40000)
        assert.is_true(sent == 30000 or sent == 60000)
        socket:close()
      end)
    end)

    it("keeps what was set before bind", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        socket:setTTL(9)
        socket:setRecvBufferSize(20000)
        socket:setBroadcast(true)
        local size = socket:getRecvBufferSize()
        socket:bind(0, loopback, helper.expect(function()
          assert.equal(9, option(socket, "ttl"))
          assert.equal(1, option(socket, "broadcast"))
          assert.equal(size, socket:getRecvBufferSize())
          socket:close()
        end))
      end)
    end)

    it("an option alone does not keep the loop alive", function()
      helper.run(function()
        dgram.createSocket(kind):setTTL(5)
        assert.is_false(uv.loop_alive())
      end)
    end)

    it("counts an empty queue", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        assert.equal(0, socket:getSendQueueSize())
        assert.equal(0, socket:getSendQueueCount())
      end)
    end)
  end)
end

describe("setBroadcast", function()
  it("allows what is refused without it", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4", "0.0.0.0")
      local client, port = helper.bound("udp4"), server:address().port
      local everybody, refused = "127.255.255.255", nil
      client:send("x", port, everybody, function(err) refused = err end)
      helper.wait(function() return refused end)
      assert.equal(("send EACCES %s:%d"):format(everybody, port), refused.message)
      client:setBroadcast(true)
      client:send("to everybody", port, everybody, helper.sent())
      assert.same({ "to everybody" }, helper.messages(helper.fill(inbox)))
      client:setBroadcast(false)
      client:send("x", port, everybody, helper.expect(function(err)
        assert.equal("EACCES", err.code)
        helper.close(client, server)
      end))
    end)
  end)
end)

describe("an option", function()
  it("applies to what is sent after it, and to nothing sent before", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4", "0.0.0.0")
      local client, port = helper.bound("udp4"), server:address().port
      client:setBroadcast(true)
      for _ = 1, 3 do
        client:send("before", port, "127.255.255.255", helper.sent())
      end
      client:setBroadcast(false)
      client:send("after", port, "127.255.255.255", helper.expect(function(err)
        assert.equal("EACCES", err.code)
      end))
      helper.fill(inbox, 3)
      helper.close(client, server)
    end)
  end)
end)

describe("unix_dgram", function()
  it("has buffers, and no IP options", function()
    helper.run(function()
      local socket = dgram.createSocket("unix_dgram")
      socket:setSendBufferSize(20000)
      assert.is_true(socket:getSendBufferSize() >= 20000)
      assert.is_true(socket:getRecvBufferSize() > 0)
      for name, args in pairs { setTTL = { 5 }, setMulticastTTL = { 5 },
        setMulticastLoopback = { true }, addMembership = { "230.1.1.1" },
        dropMembership = { "230.1.1.1" }, setMulticastInterface = { "127.0.0.1" },
        setTypeOfService = { 8 }, getTypeOfService = {}, setDontFragment = { true },
        setBroadcast = { true } } do
        helper.has({ code = "ENOTSUP", syscall = name, name = "Error" },
          helper.raised(socket[name], socket, table.unpack(args)))
      end
      socket:close()
    end)
  end)
end)

-- Makes the spec pending where this build has none of the options of Linux.
local function need_linux()
  local socket = dgram.createSocket("udp4")
  local ok, err = pcall(socket.getOption, socket, "priority")
  socket:close()
  if not ok then pending(err.message) end
end

for kind, loopback in pairs(helper.LOOPBACK) do
  describe("a " .. kind .. " socket", function()
    it("takes a type of service of 0 to 255 in every state", function()
      helper.run(function()
        in_every_state(kind, function(socket)
          assert.equal(0, socket:getTypeOfService())
          for _, tos in ipairs { 255, 0, 0xb8 } do
            assert.equal(socket, socket:setTypeOfService(tos))
            assert.equal(tos, socket:getTypeOfService())
          end
          for _, tos in ipairs { -1, 256, 0.5 } do
            helper.has({ code = "ERR_OUT_OF_RANGE" },
              helper.raised(socket.setTypeOfService, socket, tos))
          end
          helper.has({ code = "ERR_INVALID_ARG_TYPE" },
            helper.raised(socket.setTypeOfService, socket, "8"))
          assert.equal(0xb8, socket:getTypeOfService())
        end)
      end)
    end)

    it("gets its type of service from createSocket, and sends with it", function()
      helper.run(function()
        local ok, server, inbox = pcall(helper.bound,
          { type = kind, recvInfo = { "typeOfService" } })
        if not ok then pending(tostring(server)) end
        local client = helper.bound { type = kind, typeOfService = 0xb8 }
        local port = server:address().port
        client:send("a", port, loopback)
        client:setTypeOfService(3)
        client:send("b", port, loopback)
        helper.fill(inbox, 2)
        assert.equal(0xb8, inbox[1].from.typeOfService)
        assert.equal(3, inbox[2].from.typeOfService)
        helper.close(client, server)
      end)
    end)

    it("forbids that datagrams are cut up, or allows it", function()
      helper.run(function()
        in_every_state(kind, function(socket)
          assert.equal(socket, socket:setDontFragment(true))
          local must_not = option(socket, "dontFragment")
          assert.equal(socket, socket:setDontFragment(false))
          assert.is_not_equal(must_not, option(socket, "dontFragment"))
        end)
      end)
    end)

    it("tells the largest packet to its peer, and to nobody else", function()
      need_linux()
      helper.run(function()
        local socket = helper.bound(kind)
        helper.has({ code = "ERR_SOCKET_DGRAM_NOT_CONNECTED" },
          helper.raised(socket.getMTU, socket))
        socket:connectSync(socket:address().port, loopback)
        assert.is_true(socket:getMTU() >= 16384)
        socket:disconnect()
        helper.has({ code = "ERR_SOCKET_DGRAM_NOT_CONNECTED" },
          helper.raised(socket.getMTU, socket))
        socket:close()
      end)
    end)

    it("hears and speaks by one interface only", function()
      need_linux()
      helper.run(function()
        local socket, inbox = helper.bound { type = kind, interface = "lo" }
        socket:send("x", socket:address().port, loopback)
        assert.same({ "x" }, helper.messages(helper.fill(inbox)))
        socket:close()
      end)
    end)

    it("says which interface there is not", function()
      need_linux()
      helper.run(function()
        for _, name in ipairs { "nosuch0", "lo\0x", ("lo"):rep(20) } do
          local wrong = { type = kind, interface = name }
          local expected = { code = "ENODEV",
            message = ("interface '%s' ENODEV"):format(name) }
          local socket = dgram.createSocket(wrong)
          helper.has(expected, helper.raised(socket.bindSync, socket))
          helper.has(expected, helper.raised(socket.setTTL, socket, 5))
          socket:on("error", helper.expect(function(err)
            helper.has(expected, err)
            socket:close()
          end))
          socket:bind()
        end
      end)
    end)

    it("has options by name", function()
      need_linux()
      helper.run(function()
        in_every_state(kind, function(socket)
          assert.equal(socket, socket:setOption("priority", 6))
          assert.equal(6, socket:getOption("priority"))
          assert.is_false(socket:getOption("freeBind"))
          socket:setOption("freeBind", true)
          assert.is_true(socket:getOption("freeBind"))
          socket:setOption("incomingCpu", 0)
          assert.equal(0, socket:getOption("incomingCpu"))
          assert.equal(0, socket:getOption("mark"))
          assert.is_false(socket:getOption("transparent"))
        end)
      end)
    end)

    it("takes a mark of 32 bits, and transparency, from who may", function()
      need_linux()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        for name, value in pairs { mark = 0xfedcba98, transparent = true } do
          local ok, err = pcall(socket.setOption, socket, name, value)
          if ok then assert.equal(value, socket:getOption(name))
          else helper.has({ code = "EPERM", syscall = "setOption " .. name }, err) end
        end
        socket:close()
      end)
    end)

    it("may be bound to an address that nobody has yet", function()
      need_linux()
      helper.run(function()
        local nobodys = kind == "udp4" and "192.0.2.1" or "2001:db8::1"
        local socket = dgram.createSocket(kind)
        helper.has({ code = "EADDRNOTAVAIL" },
          helper.raised(socket.bindSync, socket, { address = nobodys }))
        socket:setOption("freeBind", true)
        assert.equal(nobodys, socket:bindSync({ address = nobodys }).address)
        socket:close()
      end)
    end)
  end)
end

describe("a dual-stack socket", function()
  it("speaks IPv4 with its type of service too", function()
    helper.run(function()
      local ok, server, inbox = pcall(helper.bound,
        { type = "udp4", recvInfo = { "typeOfService" } })
      if not ok then pending(tostring(server)) end
      local client = helper.bound({ type = "udp6", typeOfService = 0x88 }, "::")
      client:send("x", server:address().port, "::ffff:127.0.0.1")
      assert.equal(0x88, helper.fill(inbox)[1].from.typeOfService)
      helper.close(client, server)
    end)
  end)

  it("tells the largest packet to an IPv4 peer", function()
    need_linux()
    helper.run(function()
      local socket = helper.bound("udp6", "::")
      socket:connectSync(socket:address().port, "::ffff:127.0.0.1")
      assert.is_true(socket:getMTU() >= 16384)
      socket:close()
    end)
  end)
end)

describe("an option by name", function()
  local socket
  before_each(function() socket = dgram.createSocket("udp4") end)
  after_each(function() socket:close() end)

  it("that there is not throws, and lists those there are", function()
    for _, call in ipairs { "setOption", "getOption" } do
      local err = helper.raised(socket[call], socket, "prioritee", 1)
      helper.has({ code = "ERR_INVALID_ARG_VALUE", message = "The argument 'name' must "
        .. "be one of: freeBind, incomingCpu, mark, priority, transparent. Received "
        .. "'prioritee'" }, err)
      helper.has({ code = "ERR_INVALID_ARG_TYPE" },
        helper.raised(socket[call], socket, 5, 1))
    end
  end)

  it("refuses values that it cannot have", function()
    for _, wrong in ipairs { { "priority", -1 }, { "priority", 2 ^ 31 },
      { "mark", 2 ^ 32 }, { "mark", 0.5 }, { "incomingCpu", -1 } } do
      helper.has({ code = "ERR_OUT_OF_RANGE" },
        helper.raised(socket.setOption, socket, table.unpack(wrong)))
    end
    for _, wrong in ipairs { { "priority", "1" }, { "freeBind", 1 },
      { "transparent" } } do
      helper.has({ code = "ERR_INVALID_ARG_TYPE" },
        helper.raised(socket.setOption, socket, table.unpack(wrong)))
    end
  end)
end)

describe("an option of createSocket", function()
  it("with a wrong value throws", function()
    for name, values in pairs { typeOfService = { -1, 256, "8" },
      interface = { "", 1, {} } } do
      for _, value in ipairs(values) do
        local err = helper.raised(dgram.createSocket, { type = "udp4", [name] = value })
        assert.truthy(err.code:find("^ERR_"), err.code)
        assert.truthy(err.message:find("options." .. name, 1, true), err.message)
      end
    end
  end)

  it("that a unix socket cannot have is told, not ignored", function()
    helper.run(function()
      for name, value in pairs { typeOfService = 8, interface = "lo",
        multicastAll = false } do
        local socket = dgram.createSocket { type = "unix_dgram", [name] = value }
        local err = helper.raised(socket.bindSync, socket)
        helper.has({ code = "ENOTSUP" }, err)
        assert.truthy(err.message:find(name, 1, true), err.message)
        socket:close()
      end
    end)
  end)

  it("reusePort is ENOTSUP for a unix socket, whatever the system says", function()
    helper.run(function()
      local socket = dgram.createSocket { type = "unix_dgram", reusePort = true }
      helper.has({ code = "ENOTSUP", syscall = "socket" },
        helper.raised(socket.bindSync, socket, { path = helper.path() }))
      socket:close()
    end)
  end)
end)

describe("buffer sizes", function()
  it("that the system does not grant are told, or limited", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      local ok, err = pcall(socket.setRecvBufferSize, socket, 2 ^ 31 - 1)
      if not ok then
        helper.has({ code = "ERR_SOCKET_BUFFER_SIZE", name = "SystemError" }, err)
        assert.equal("string", type(err.info.code))
        assert.truthy(err.message:find("^Could not get or set buffer size: "))
      end
      assert.is_true(socket:getRecvBufferSize() > 0)
      socket:close()
    end)
  end)
end)
