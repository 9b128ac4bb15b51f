-- reply: to who sent a datagram, from where it was sent to.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local uv = require "luv"

local TOLD = { "localAddress", "interface" }
local unpack = table.unpack or unpack -- luacheck: ignore 113

-- A build that cannot choose a source, or not be told of one, has nothing to test here.
local function need_source(pending)
  local ok, socket = pcall(dgram.createSocket, { type = "udp4", recvInfo = TOLD })
  if ok then socket:close() end
  if not (ok and inside.supports(4, "interface")) then
    pending "this build knows no source addresses"
  end
end

-- A server on all addresses that replies with what `answer` makes of the message, or
-- the message; and its port, or path.
local function echo(kind, fields, answer)
  local server = dgram.createSocket { type = kind, recvInfo = fields }
  server:bindSync { path = kind == "unix_dgram" and helper.path() or nil }
  server:on("message", function(msg, rinfo)
    server:reply(answer and answer(msg) or msg, rinfo)
  end)
  return server, server:address().port or server:address().address
end

-- A client, and "message address" of what it hears.
local function asker(kind)
  local client, heard = dgram.createSocket(kind), {}
  client:on("message", function(msg, rinfo)
    heard[#heard + 1] = msg .. " " .. rinfo.address
  end)
  client:bindSync { path = kind == "unix_dgram" and helper.path() or nil }
  return client, heard
end

describe("reply", function()
  for _, kind in ipairs { "udp4", "udp6", "unix_dgram" } do
    it("is the body of an echo server: " .. kind, function()
      helper.run(function()
        local server, to = echo(kind)
        local client, heard = asker(kind)
        client:send("hello", to)
        local from = kind == "unix_dgram" and to or helper.LOOPBACK[kind]
        assert.same({ "hello " .. from }, helper.fill(heard))
        helper.close(server, client)
      end)
    end)

    it("calls back as send does, and returns what it does: " .. kind, function()
      helper.run(function()
        local server = dgram.createSocket(kind)
        server:bindSync { path = kind == "unix_dgram" and helper.path() or nil }
        local returned = {}
        server:on("message", function(_, rinfo)
          returned = {
            server:reply("a", rinfo, helper.sent(1)),
            server:reply({ "b", "c" }, rinfo, nil, helper.sent(2)),
            server:reply("d", rinfo, {}, helper.sent(1)),
            server:reply("e", rinfo),
          }
        end)
        local client, heard = asker(kind)
        client:send("x", server:address().port or server:address().address)
        helper.fill(heard, 4)
        assert.same({ true, true, true, true }, returned)
        for i, msg in ipairs { "a", "bc", "d", "e" } do
          assert.equal(msg, heard[i]:match("^%a+"))
        end
        helper.close(server, client)
      end)
    end)
  end

  for name, case in pairs {
    ["udp4"] = { "udp4", { "127.0.0.1", "127.0.0.2", "127.9.8.7" } },
    ["udp6"] = { "udp6", { "::1", "::ffff:127.0.0.1", "::ffff:127.0.0.2" } },
  } do
    it("leaves from the address that was asked: " .. name, function()
      need_source(pending)
      helper.run(function()
        local server, port = echo(case[1], TOLD)
        local client, heard = asker(case[1])
        local wanted = {}
        for i = 1, 60 do
          local to = case[2][i % #case[2] + 1]
          client:send(tostring(i), port, to)
          wanted[#wanted + 1] = i .. " " .. to
        end
        helper.fill(heard, 60)
        table.sort(heard)
        table.sort(wanted)
        assert.same(wanted, heard)
        helper.close(server, client)
      end)
    end)
  end

  it("leaves from an address of its own when the question went to all", function()
    need_source(pending)
    helper.run(function()
      for _, fields in ipairs { TOLD, { "localAddress" } } do
        local server, port = echo("udp4", fields)
        local client, heard = asker("udp4")
        client:setBroadcast(true)
        client:send("x", port, "127.255.255.255")
        client:send("y", port, "127.0.0.3")
        helper.fill(heard, 2)
        table.sort(heard)
        assert.same({ "x 127.0.0.1", "y 127.0.0.3" }, heard)
        helper.close(server, client)
      end
    end)
  end)

  it("leaves from an address of its own when the question went to a group", function()
    need_source(pending)
    helper.run(function()
      local server, port = echo("udp4", TOLD)
      local client, heard = asker("udp4")
      server:addMembership("239.7.7.7", "127.0.0.1")
      client:setMulticastInterface("127.0.0.1")
      client:send("x", port, "239.7.7.7")
      assert.same({ "x 127.0.0.1" }, helper.fill(heard))
      helper.close(server, client)
    end)
  end)

  it("knows later, too, where the question went, and by a socket that did not hear it",
    function()
      need_source(pending)
      helper.run(function()
        local server = dgram.createSocket { type = "udp4", recvInfo = TOLD }
        local other, rinfos = dgram.createSocket("udp4"), {}
        server:bindSync()
        server:on("message", function(_, rinfo) rinfos[#rinfos + 1] = rinfo end)
        local client, heard = asker("udp4")
        client:setBroadcast(true)
        client:send("x", server:address().port, "127.0.0.4")
        client:send("x", server:address().port, "127.255.255.255")
        helper.fill(rinfos, 2)
        other:reply("a", rinfos[1], helper.sent(1))
        other:reply("b", rinfos[2], helper.sent(1))
        assert.same({ "a 127.0.0.4", "b 127.0.0.1" }, helper.fill(heard, 2))
        helper.close(server, other, client)
      end)
    end)

  it("puts the options before what rinfo tells", function()
    need_source(pending)
    helper.run(function()
      local server = dgram.createSocket { type = "udp4", recvInfo = TOLD }
      server:bindSync()
      server:on("message", function(_, rinfo)
        server:reply("a", rinfo, { localAddress = "127.0.0.9" })
        server:reply("b", rinfo, { ttl = 3, typeOfService = 8 }, helper.sent(1))
      end)
      local client = dgram.createSocket { type = "udp4",
        recvInfo = { "ttl", "typeOfService" } }
      local heard = {}
      client:on("message", function(msg, rinfo)
        heard[#heard + 1] = ("%s %s %d %d"):format(msg, rinfo.address,
          rinfo.ttl == 3 and 3 or 0, rinfo.typeOfService)
      end)
      client:send("x", server:address().port, "127.0.0.2")
      assert.same({ "a 127.0.0.9 0 0", "b 127.0.0.2 3 8" }, helper.fill(heard, 2))
      helper.close(server, client)
    end)
  end)

  it("to a unix sender goes to its path, whatever else rinfo says", function()
    helper.run(function()
      local server = helper.bound("unix_dgram")
      local client = helper.bound { type = "unix_dgram", recvInfo = { "descriptors" } }
      local heard = helper.listen(client)
      local rinfo = { address = client:address().address, port = 9,
        localAddress = "127.0.0.1", interface = "none0" }
      server:reply("a", rinfo, helper.sent(1))
      server:reply("b", rinfo, { descriptors = { 0 } }, helper.sent(1))
      assert.same({ "a", "b" }, helper.fill(heard, 2))
      helper.close(server, client)
    end)
  end)

  it("by an interface that is gone fails in the callback", function()
    need_source(pending)
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      for _, interface in ipairs { 2 ^ 31 - 1, "nosuch0" } do
        socket:reply("x", { address = "127.0.0.1", port = 9, interface = interface },
          helper.expect(function(err)
            helper.has({ code = "ENODEV", address = "127.0.0.1", port = 9 }, err)
          end))
      end
      socket:reply("x", { address = "127.0.0.1", port = 9, localAddress = "odd" },
        helper.expect(function(err) assert.equal("EINVAL", err.code) end))
      socket:close()
    end)
  end)

  -- A rinfo that somebody made by hand.
  local function from(changes)
    local rinfo = { address = "127.0.0.1", port = 9, localAddress = "127.0.0.1" }
    for name, value in pairs(changes) do rinfo[name] = value end
    return rinfo
  end

  it("refuses who cannot be answered", function()
    helper.run(function()
      local udp, local_ = dgram.createSocket("udp4"), dgram.createSocket("unix_dgram")
      for _, case in ipairs {
        { udp, nil, "ERR_INVALID_ARG_TYPE", '"rinfo"' },
        { udp, "127.0.0.1", "ERR_INVALID_ARG_TYPE", '"rinfo"' },
        { udp, {}, "ERR_INVALID_ARG_TYPE", '"rinfo.address"' },
        { udp, { address = "127.0.0.1" }, "ERR_SOCKET_BAD_PORT", "nil" },
        { udp, { address = "127.0.0.1", port = 0 }, "ERR_SOCKET_BAD_PORT", "port 0" },
        { udp, { address = "", port = 9 }, "ERR_INVALID_ARG_VALUE", "no address" },
        { udp, from { port = "9 ms" }, "ERR_SOCKET_BAD_PORT", "9 ms" },
        { udp, from { port = "0" }, "ERR_SOCKET_BAD_PORT", "'0'" },
        { udp, from { port = 9.5 }, "ERR_SOCKET_BAD_PORT", "9.5" },
        { udp, from { port = 65536 }, "ERR_SOCKET_BAD_PORT", "65536" },
        { udp, from { localAddress = {} }, "ERR_INVALID_ARG_TYPE", '"rinfo.localAddress"' },
        { udp, from { interface = {} }, "ERR_INVALID_ARG_TYPE", '"rinfo.interface"' },
        { udp, from { interface = "" }, "ERR_INVALID_ARG_TYPE", '"rinfo.interface"' },
        { udp, from { interface = 0 }, "ERR_OUT_OF_RANGE", '"rinfo.interface"' },
        { udp, from { interface = 1.5 }, "ERR_OUT_OF_RANGE", '"rinfo.interface"' },
        { udp, from { interface = 2 ^ 32 + 1 }, "ERR_OUT_OF_RANGE", '"rinfo.interface"' },
        { local_, { address = "" }, "ERR_INVALID_ARG_VALUE", "no name" },
        { local_, { port = 9 }, "ERR_INVALID_ARG_TYPE", '"rinfo.address"' },
      } do
        local socket, rinfo, code, text = unpack(case, 1, 4)
        local err = helper.raised(socket.reply, socket, "x", rinfo)
        assert.equal(code, err.code)
        assert.truthy(err.message:find(text, 1, true), err.message)
      end
      local err = helper.raised(udp.reply, udp, 5, { address = "127.0.0.1", port = 9 })
      assert.equal("ERR_INVALID_ARG_TYPE", err.code)
      helper.close(udp, local_)
      for _, more in ipairs { {}, { localAddress = "127.0.0.1" } } do
        more.address, more.port = "127.0.0.1", 9
        err = helper.raised(udp.reply, udp, "x", more)
        assert.equal("ERR_SOCKET_DGRAM_NOT_RUNNING", err.code)
      end
    end)
  end)

  it("to a unix sender without a name throws, and the server lives on", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      client:send("x", server:address().address)
      local err = helper.raised(server.reply, server, "y", helper.fill(inbox)[1].from)
      assert.equal("ERR_INVALID_ARG_VALUE", err.code)
      helper.close(server, client)
    end)
  end)

  for _, kind in ipairs { "udp4", "udp6", "unix_dgram" } do
    it("of a connected socket goes to its peer alone: " .. kind, function()
      helper.run(function()
        local client, heard = asker(kind)
        local server = dgram.createSocket(kind)
        local mine = client:address()
        if kind == "unix_dgram" then server:connectSync(mine.address)
        else server:connectSync(mine.port) end
        local peer = server:remoteAddress()
        server:reply("a", peer, helper.sent(1))
        server:reply("b", peer, {}, helper.sent(1))
        helper.fill(heard, 2)
        for _, wrong in ipairs { { address = peer.address .. "1", port = peer.port },
          kind ~= "unix_dgram" and { address = peer.address, port = peer.port % 65535 + 1 }
            or nil } do
          local err = helper.raised(server.reply, server, "x", wrong)
          assert.equal("ERR_SOCKET_DGRAM_IS_CONNECTED", err.code)
        end
        helper.close(server, client)
      end)
    end)
  end

  it("answers while the loop turns within a listener", function()
    helper.need_nested_runs(pending)
    need_source(pending)
    helper.run(function()
      local server = dgram.createSocket { type = "udp4", recvInfo = TOLD }
      server:bindSync()
      server:on("message", function(msg, rinfo)
        if msg == "1" then uv.run("nowait") end
        server:reply(msg, rinfo)
      end)
      local client, heard = asker("udp4")
      for i = 1, 3 do client:send(tostring(i), server:address().port, "127.0.0." .. i) end
      helper.fill(heard, 3)
      table.sort(heard)
      assert.same({ "1 127.0.0.1", "2 127.0.0.2", "3 127.0.0.3" }, heard)
      helper.close(server, client)
    end)
  end)
end)
