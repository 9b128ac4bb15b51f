-- connect, connectSync, disconnect and remoteAddress; what a connected socket
-- sends and hears; and errors that come back from remote hosts.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local closed_port = traffic.closed_port

local NOT_CONNECTED = { code = "ERR_SOCKET_DGRAM_NOT_CONNECTED", name = "Error",
  message = "Not connected" }
local CONNECTED = { code = "ERR_SOCKET_DGRAM_IS_CONNECTED", name = "Error",
  message = "Already connected" }

-- A socket that is connected to a port (or path).
local function connected(kind, ...)
  local socket, done = dgram.createSocket(kind), false
  local args = { ... }
  args[#args + 1] = function() done = true end
  socket:connect(table.unpack(args))
  helper.wait(function() return done end)
  return socket
end

for kind, loopback in pairs(helper.LOOPBACK) do
  local family = kind == "udp4" and "IPv4" or "IPv6"

  describe(kind .. ":connect", function()
    for name, args in pairs { ["(port)"] = {}, ["(port, address)"] = { loopback },
      ["(port, '')"] = { "" }, ["(port, name)"] = kind == "udp4" and { "localhost" } } do
      if args then
        it(name .. " connects, with and without a callback", function()
          helper.run(function()
            local server, inbox = helper.bound(kind)
            local port = server:address().port
            for _, callback in ipairs { true, false } do
              local client, returned = dgram.createSocket(kind), false
              local on_connect = helper.expect(function(err)
                assert.is_nil(err)
                assert.is_true(returned)
                assert.same({ address = loopback, family = family, port = port },
                  client:remoteAddress())
                client:send("hello", function() client:close() end)
              end)
              local list = { table.unpack(args) }
              if callback then list[#list + 1] = on_connect
              else client:on("connect", on_connect) end
              client:on("listening", helper.expect())
              client:connect(port, table.unpack(list))
              returned = true
            end
            assert.same({ "hello", "hello" }, helper.messages(helper.fill(inbox, 2)))
            server:close()
          end)
        end)
      end
    end

    it("makes the socket hear its peer only", function()
      helper.run(function()
        local server, inbox = helper.bound(kind)
        local stranger = helper.bound(kind)
        local client = connected(kind, server:address().port)
        local heard = helper.listen(client)
        client:send("question")
        local from = helper.fill(inbox)[1].from
        stranger:send("from a stranger", from.port, from.address)
        server:send("answer", from.port, from.address)
        assert.same({ "answer" }, helper.fill(heard))
        helper.close(client, server, stranger)
      end)
    end)

    it("raises while connecting and when connected", function()
      helper.run(function()
        local server = helper.bound(kind)
        local port = server:address().port
        local client = dgram.createSocket(kind)
        client:connect(port, helper.expect(function()
          helper.has(CONNECTED, helper.raised(client.connect, client, port))
          helper.has(CONNECTED, helper.raised(client.connectSync, client, port))
          helper.close(client, server)
        end))
        helper.has(CONNECTED, helper.raised(client.connect, client, port))
        helper.has(NOT_CONNECTED, helper.raised(client.disconnect, client))
        helper.has(NOT_CONNECTED, helper.raised(client.remoteAddress, client))
      end)
    end)

    it("takes a send in every connected form, and no other", function()
      helper.run(function()
        local server, inbox = helper.bound(kind)
        local port = server:address().port
        local client = connected(kind, port)
        local callback = helper.expect(4, function(err) assert.is_nil(err) end)
        client:send("1")
        client:send("2", callback)
        client:send("<3>", 1, 1)
        client:send("<4>", 1, 1, callback)
        client:send({ "5", "" }, callback)
        client:send("", callback)
        for _, args in ipairs { { "x", port }, { "x", port, loopback },
          { "x", 0, 1, port }, { "x", 0, 1, port, loopback } } do
          helper.has(CONNECTED, helper.raised(client.send, client, table.unpack(args)))
        end
        helper.has({ code = "ERR_BUFFER_OUT_OF_BOUNDS" },
          helper.raised(client.send, client, "x", 0, 2))
        helper.has({ code = "ERR_INVALID_ARG_TYPE" },
          helper.raised(client.send, client, 5))
        helper.has({ code = "ERR_INVALID_ARG_TYPE" },
          helper.raised(client.send, client))
        assert.same({ "1", "2", "3", "4", "5", "" },
          helper.messages(helper.fill(inbox, 6)))
        helper.close(client, server)
      end)
    end)

    it("works on a bound socket, which keeps its port", function()
      helper.run(function()
        local server, inbox = helper.bound(kind)
        local client = helper.bound(kind)
        local port = client:address().port
        client:connect(server:address().port, helper.expect(function()
          assert.equal(port, client:address().port)
          client:send("x")
        end))
        assert.equal(port, helper.fill(inbox)[1].from.port)
        helper.close(client, server)
      end)
    end)

    it("Sync connects at once, and 'connect' follows", function()
      helper.run(function()
        local server, inbox = helper.bound(kind)
        local client = dgram.createSocket(kind)
        client:on("connect", helper.expect())
        client:on("listening", helper.expect())
        client:connectSync(server:address().port)
        assert.equal(server:address().port, client:remoteAddress().port)
        client:send("x")
        helper.fill(inbox)
        helper.has({ code = "ERR_INVALID_ARG_VALUE", name = "TypeError" },
          helper.raised(server.connectSync, server, 9, "localhost"))
        server:send("not connected", client:address().port)
        helper.close(client, server)
      end)
    end)
  end)

  describe(kind .. ":disconnect", function()
    it("makes it an unconnected socket again", function()
      helper.run(function()
        local server, inbox = helper.bound(kind)
        local client, other = connected(kind, server:address().port), helper.bound(kind)
        local heard, own = helper.listen(client), client:address().port
        client:send("before")
        client:disconnect()
        helper.has(NOT_CONNECTED, helper.raised(client.disconnect, client))
        helper.has(NOT_CONNECTED, helper.raised(client.remoteAddress, client))
        helper.has({ code = "ERR_SOCKET_BAD_PORT" },
          helper.raised(client.send, client, "x"))
        client:send("after", server:address().port)
        assert.same({ "before", "after" }, helper.messages(helper.fill(inbox, 2)))
        assert.equal(own, client:address().port)
        other:send("from another", own)
        assert.same({ "from another" }, helper.fill(heard))
        client:connect(other:address().port, helper.expect(function()
          helper.close(client, server, other)
        end))
      end)
    end)

    it("keeps a port that was asked for", function()
      helper.run(function()
        local first = dgram.createSocket(kind)
        local port = first:bindSync().port
        helper.closed(first)
        local client, server = dgram.createSocket(kind), helper.bound(kind)
        client:bindSync { port = port }
        client:connectSync(server:address().port)
        client:disconnect()
        assert.equal(port, client:address().port)
        helper.close(client, server)
      end)
    end)

    it("raises on a socket that never was connected", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        helper.has(NOT_CONNECTED, helper.raised(socket.disconnect, socket))
        helper.has(NOT_CONNECTED, helper.raised(socket.remoteAddress, socket))
      end)
    end)
  end)

  describe(kind .. " and a port nobody listens on", function()
    it("tells 'error' of ECONNREFUSED, and goes on", function()
      helper.run(function()
        local client, errors = connected(kind, closed_port(kind)), {}
        client:on("error", function(err) errors[#errors + 1] = err end)
        client:send("x")
        helper.has({ code = "ECONNREFUSED", name = "Error" }, helper.fill(errors)[1])
        assert.is_true(errors[1].errno < 0)
        client:close()
      end)
    end)

    it("raises nothing when nobody listens for errors, and does not spin", function()
      helper.run(function()
        local client, called = connected(kind, closed_port(kind)), 0
        for _ = 1, 20 do
          client:send("x", function() called = called + 1 end)
          uv.run("nowait")
        end
        helper.wait(function() return called == 20 end)
        traffic.assert_rests "a pending error"
        assert.is_true(client:stats().remoteErrors > 0)
        client:close()
      end)
    end)

    it("does not harm an unconnected socket's other peers", function()
      helper.run(function()
        local server, inbox = helper.bound(kind)
        local client, dead = helper.bound(kind), closed_port(kind)
        for i = 1, 50 do
          client:send("to nobody", dead)
          client:send(tostring(i), server:address().port, helper.sent())
          uv.run("nowait")
        end
        helper.fill(inbox, 50)
        helper.close(client, server)
      end)
    end)

    it("tells each callback of a connected send once", function()
      helper.run(function()
        local client, called = connected(kind, closed_port(kind)), {}
        client:on("error", function() end)
        for i = 1, 50 do
          client:send("x", function(err, bytes)
            assert.equal(1, bytes)
            assert.is_true(err == nil or err.code == "ECONNREFUSED")
            called[#called + 1] = i
          end)
          uv.run("nowait")
        end
        helper.fill(called, 50)
        for i = 1, 50 do assert.equal(i, called[i]) end
        client:close()
      end)
    end)
  end)
end

describe("connect that fails", function()
  -- How it fails, and the fields of the error.
  local cases = {
    ["with the other family"] = { "::1", { code = "EINVAL", syscall = "connect" } },
    ["with a name nobody knows"] = { "nobody.invalid", { syscall = "getaddrinfo",
      hostname = "nobody.invalid" } },
    ["with a broadcast address"] = { "255.255.255.255", { code = "EACCES",
      syscall = "connect", address = "255.255.255.255", port = 9,
      message = "connect EACCES 255.255.255.255:9" } },
  }
  for name, case in pairs(cases) do
    it(name .. " tells its callback, and can be repeated", function()
      helper.run(function()
        local client = dgram.createSocket("udp4")
        client:on("error", helper.expect(0))
        client:on("connect", helper.expect(1))
        client:connect(9, case[1], helper.expect(function(err)
          helper.has(case[2], err)
          assert.equal(1, client:listenerCount("connect"))
          client:connect(9, "127.0.0.1", helper.expect(function()
            client:close()
          end))
        end))
      end)
    end)

    it(name .. " tells 'error' without a callback", function()
      helper.run(function()
        local client = dgram.createSocket("udp4")
        client:on("connect", helper.expect(0))
        client:on("error", helper.expect(function(err)
          helper.has(case[2], err)
          client:close()
        end))
        client:connect(9, case[1])
      end)
    end)
  end

  it("because the bind fails tells one error, and leaves it unconnected", function()
    helper.run(function()
      local answer
      local client = dgram.createSocket { type = "udp4",
        lookup = function(_, _, done) answer = done end }
      client:on("error", helper.expect(function(err)
        assert.equal("no", err)
        helper.has(NOT_CONNECTED, helper.raised(client.disconnect, client))
        client:close()
      end))
      client:connect(9, "127.0.0.1")
      answer("no")
    end)
  end)
end)

describe("connect", function()
  it("keeps what is sent meanwhile, with an address, until it is bound", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4")
      local client = dgram.createSocket("udp4")
      client:connect(server:address().port)
      client:send("early", server:address().port, "127.0.0.1", helper.expect())
      helper.fill(inbox)
      assert.equal("early", inbox[1].msg)
      helper.close(client, server)
    end)
  end)

  it("that is closed meanwhile tells nothing", function()
    helper.run(function()
      for _, host in ipairs { "127.0.0.1", "localhost" } do
        local client = dgram.createSocket("udp4")
        client:on("connect", helper.expect(0))
        client:on("error", helper.expect(0))
        client:connect(9, host, helper.expect(0))
        client:close(helper.expect())
      end
    end)
  end)

  it("asks the lookup of the socket", function()
    helper.run(function()
      local asked = {}
      local client = dgram.createSocket { type = "udp4", lookup = function(host, family, done)
        asked[#asked + 1] = host .. " " .. family
        done(nil, "127.0.0.1")
      end }
      client:connect(9, "you.test", helper.expect(function()
        assert.same({ "0.0.0.0 4", "you.test 4" }, asked)
        assert.equal("127.0.0.1", client:remoteAddress().address)
        client:close()
      end))
    end)
  end)
end)

describe("unix_dgram:connect", function()
  it("connects, sends without a path, and hears its peer only", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local path = server:address().address
      local client, heard = helper.bound("unix_dgram")
      local stranger, refused = helper.bound("unix_dgram"), nil
      local returned = false
      client:connect(path, helper.expect(function()
        assert.is_true(returned)
        assert.same({ address = path }, client:remoteAddress())
        client:send("question", helper.sent())
      end))
      returned = true
      local from = helper.fill(inbox)[1].from
      assert.equal(client:address().address, from.address)
      stranger:send("from a stranger", from.address, function(err)
        refused = err and err.code
      end)
      server:send("answer", from.address)
      assert.same({ "answer" }, helper.messages(helper.fill(heard)))
      helper.wait(function() return refused end)
      assert.equal("EPERM", refused)
      client:disconnect()
      helper.has(NOT_CONNECTED, helper.raised(client.disconnect, client))
      stranger:send("now", from.address)
      helper.fill(heard, 2)
      helper.close(client, server, stranger)
    end)
  end)

  it("works unbound and Sync", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      client:on("connect", helper.expect())
      client:connectSync(server:address().address)
      client:send("x")
      client:send("<y>", 1, 1, helper.sent(1))
      assert.same({ "x", "y" }, helper.messages(helper.fill(inbox, 2)))
      helper.has(CONNECTED, helper.raised(client.send, client, "x", "/some/path"))
      helper.close(client, server)
    end)
  end)

  it("to nobody fails", function()
    helper.run(function()
      local path, client = helper.path(), dgram.createSocket("unix_dgram")
      client:connect(path, helper.expect(function(err)
        helper.has({ code = "ENOENT", syscall = "connect", address = path,
          message = "connect ENOENT " .. path }, err)
        helper.has({ code = "ENOENT" }, helper.raised(client.connectSync, client, path))
        client:close()
      end))
    end)
  end)

  it("tells a send that its peer is gone", function()
    helper.run(function()
      local server = helper.bound("unix_dgram")
      local client = connected("unix_dgram", server:address().address)
      server:close()
      uv.run("nowait")
      uv.run("nowait")
      client:send("x", helper.expect(function(err)
        assert.equal("ECONNREFUSED", err.code)
        client:close()
      end))
    end)
  end)
end)
