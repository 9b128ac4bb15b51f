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
        dropMembership = { "230.1.1.1" }, setMulticastInterface = { "127.0.0.1" } } do
        local err = helper.raised(socket[name], socket, table.unpack(args))
        helper.has({ syscall = name, name = "Error" }, err)
        assert.truthy(err.code:find("^E"), err.code)
        assert.is_not_equal("UNKNOWN", err.code)
      end
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
