-- The option `icmp`: what the kernel tells of datagrams that failed on their way,
-- as events. What routers say of them: spec/net/errors.lua.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

-- What a datagram goes by: the type of the socket, an address of this host as
-- that type spells it, and how the system tells that nobody listens there.
local ways = {
  IPv4 = { type = "udp4", address = "127.0.0.1", origin = "icmp", kind = 3, code = 3 },
  IPv6 = { type = "udp6", address = "::1", origin = "icmp6", kind = 1, code = 4 },
  ["IPv4 of a dual-stack socket"] = { type = "udp6", address = "::ffff:127.0.0.1",
    origin = "icmp", kind = 3, code = 3 },
}

local is_known = traffic.has_icmp -- whether this build knows the option

-- A port of both families that nobody listens on.
local function closed_port()
  local socket = dgram.createSocket("udp6")
  local port = socket:bindSync().port
  helper.closed(socket)
  return port
end

-- A socket with the option and the list of what it tells; it must not tell 'error'.
local function telling(way, options)
  options = options or {}
  options.type, options.icmp = way.type, true
  local socket, told = dgram.createSocket(options), {}
  socket:on("icmp", function(err) told[#told + 1] = err end)
  socket:on("error", helper.expect(0))
  return socket, told
end

describe("the option icmp", function()
  it("is ENOTSUP for unix sockets", function()
    helper.has({ code = "ENOTSUP", message = "icmp of unix_dgram ENOTSUP" }, helper.raised(
      dgram.createSocket, { type = "unix_dgram", icmp = true }))
    assert(dgram.createSocket { type = "unix_dgram", icmp = false })
  end)

  it("is known on Linux, ENOTSUP where there is no queue of errors", function()
    local linux = uv.os_uname().sysname == "Linux" and not os.getenv "PORTABLE"
    assert.equal(linux, is_known())
    if not linux then
      helper.has({ code = "ENOTSUP" }, helper.raised(dgram.createSocket,
        { type = "udp6", icmp = true }))
    end
  end)
end)

-- A test that needs the option.
local function specify(name, body)
  it(name, function()
    if not is_known() then pending("this build has no queue of errors") end
    body()
  end)
end

for name, way in pairs(ways) do
  describe("'icmp' over " .. name, function()
    specify("tells an unconnected socket which datagram failed, and why", function()
      helper.run(function()
        local socket, told = telling(way)
        local port = closed_port()
        socket:send("anybody there?", port, way.address, helper.sent())
        local err = helper.fill(told)[1]
        helper.has({ name = "Error", code = "ECONNREFUSED", syscall = "recvmsg",
          address = way.address, port = port, origin = way.origin,
          type = way.kind, icmpCode = way.code, offender = way.address,
          data = "anybody there?" }, err)
        assert.is_true(err.errno < 0)
        assert.is_nil(err.mtu)
        assert.matches("^Error: recvmsg ECONNREFUSED " .. way.address:gsub("%p", "%%%0"),
          tostring(err))
        traffic.assert_rests "a report"
        assert.equal(1, #told)
        assert.equal(1, socket:stats().remoteErrors)
        socket:close()
      end)
    end)

    specify("tells a connected socket, which has no 'error' then", function()
      helper.run(function()
        local socket, told = telling(way)
        local port = closed_port()
        socket:connectSync(port, way.address)
        for i = 1, 3 do
          socket:send("to nobody", helper.sent())
          helper.fill(told, i)
        end
        traffic.assert_rests "a report"
        assert.equal(3, #told)
        for _, err in ipairs(told) do
          helper.has({ code = "ECONNREFUSED", address = way.address, port = port }, err)
        end
        assert.equal(3, socket:stats().remoteErrors)
        socket:close()
      end)
    end)

    specify("tells each of a burst, in order, and charges no other datagram", function()
      helper.run(function()
        local socket, told = telling(way, { gso = false })
        local server, heard, to = traffic.receiver { type = way.type }
        local dead, count = closed_port(), 100
        local address = way.origin == "icmp" and way.type == "udp6" and "::1"
          or way.address
        for i = 1, count do
          socket:send("to nobody " .. i, dead, way.address, helper.sent())
          socket:send(tostring(i), to.port, address, helper.sent())
        end
        helper.fill(told, count)
        helper.fill(heard, count)
        assert.same(traffic.numbered(count), heard)
        for i, err in ipairs(told) do assert.equal("to nobody " .. i, err.data) end
        helper.has({ sent = 2 * count, sendErrors = 0, remoteErrors = count },
          socket:stats())
        helper.close(server, socket)
      end)
    end)

    specify("is raised nowhere when nobody listens; a server lives on", function()
      helper.run(function()
        local server = dgram.createSocket { type = way.type, icmp = true }
        local heard, dead = helper.listen(server), closed_port()
        local client = dgram.createSocket(way.type)
        local port = server:bindSync().port
        for _ = 1, 20 do server:send("answer", dead, way.address) end
        helper.wait(function() return server:stats().remoteErrors > 0 end)
        traffic.assert_rests "a report nobody hears"
        client:send("question", port, way.address)
        assert.same({ "question" }, helper.fill(heard))
        helper.close(server, client)
      end)
    end)

    specify("tells of datagrams that are too large once, each with an mtu", function()
      helper.run(function()
        local socket, told = telling(way)
        local count, failed, port = 40, 0, closed_port()
        for i = 1, count do
          local function callback(err)
            helper.has({ code = "EMSGSIZE", syscall = "send" }, err)
            failed = failed + 1
          end
          socket:send(("x"):rep(65530), port, way.address, i % 2 == 0 and callback or nil)
        end
        helper.fill(told, count)
        traffic.assert_rests "local reports"
        assert.equal(count, #told)
        assert.equal(count / 2, failed)
        for _, err in ipairs(told) do
          helper.has({ code = "EMSGSIZE", origin = "local", address = way.address,
            port = port, data = "" }, err)
          assert.is_true(err.mtu > 60000)
          assert.is_nil(err.type or err.icmpCode or err.offender)
        end
        helper.has({ sent = 0, sendErrors = count, remoteErrors = 0 }, socket:stats())
        socket:close()
      end)
    end)
  end)
end

describe("'icmp'", function()
  local v4 = ways.IPv4

  specify("wakes a socket about once a burst, and lets other sockets have their turns",
    function()
      helper.run(function()
        local adapter, wakeups = traffic.counting()
        local socket, told = telling(v4, { loop = adapter, gso = false })
        local dead, count, most, before = closed_port(), 120, 0, 0
        local prepare = uv.new_prepare()
        prepare:start(function()
          most, before = math.max(most, #told - before), #told
        end)
        socket:bindSync {}
        for _ = 1, count do socket:send("x", dead, "127.0.0.1") end
        helper.fill(told, count)
        traffic.assert_rests "many reports"
        assert.is_true(wakeups() <= 30, wakeups() .. " wake-ups")
        assert.is_true(most <= 64, most .. " reports in a turn")
        helper.close(socket, prepare)
      end)
    end)

  specify("comes to a socket that is paused, or not bound, once it reads again", function()
    helper.run(function()
      local socket, told = telling(v4)
      socket:bindSync {}
      socket:pause()
      socket:send("x", closed_port(), "127.0.0.1", helper.sent())
      traffic.assert_rests "a paused socket"
      assert.same({}, told)
      socket:resume()
      helper.fill(told)
      socket:close()
    end)
  end)

  specify("comes by a descriptor that is adopted", function()
    helper.run(function()
      local raw = inside.raw("udp4") -- a socket of ours would close it
      assert(raw:bind("127.0.0.1", 0))
      local socket, told = telling(v4)
      local fd = raw:fileno()
      raw:disown()
      socket:bind { fd = fd }
      socket:send("x", closed_port(), "127.0.0.1")
      helper.has({ code = "ECONNREFUSED", data = "x" }, helper.fill(told)[1])
      socket:close()
    end)
  end)

  specify("may close the socket, and tells no more then", function()
    helper.run(function()
      local socket, dead = dgram.createSocket { type = "udp4", icmp = true }, closed_port()
      socket:on("icmp", helper.expect(function() socket:close() end))
      for i = 1, 20 do socket:send(("x"):rep(i), dead, "127.0.0.1") end
    end)
  end)

  specify("may raise: the rest is told later", function()
    helper.run(function()
      local adapter, raised = traffic.surviving()
      local socket, told = telling(v4, { loop = adapter, gso = false })
      socket:on("icmp", function(err) error(err.data, 0) end)
      local dead = closed_port()
      for i = 1, 5 do socket:send(tostring(i), dead, "127.0.0.1") end
      helper.fill(told, 5)
      assert.equal(5, #raised)
      for i, text in ipairs(raised) do assert.matches("^" .. i, tostring(text)) end
      socket:close()
    end)
  end)

  specify("has no details when the kernel has no room for them", function()
    helper.run(function()
      local socket, told = telling(v4, { recvBufferSize = 1, gso = false })
      local heard = helper.listen(socket)
      local dead = closed_port()
      local port = socket:bindSync({ address = "127.0.0.1" }).port
      socket:pause()
      for _ = 1, 50 do socket:send("x", port, "127.0.0.1") end
      socket:connectSync(dead, "127.0.0.1")
      socket:flush()
      socket:send("x", helper.sent())
      socket:flush() -- before a loop that reads first makes room
      socket:resume()
      local err = helper.fill(told)[1]
      helper.has({ code = "ECONNREFUSED", address = "127.0.0.1", port = dead }, err)
      assert.is_nil(err.origin)
      assert.is_true(#heard <= 50)
      assert.equal(1, socket:stats().remoteErrors)
      socket:close()
    end)
  end)

  specify("is not told by sockets that did not ask for it", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      socket:on("icmp", helper.expect(0))
      socket:on("error", helper.expect(0))
      socket:send("x", closed_port(), "127.0.0.1", helper.sent())
      helper.pass(20)
      assert.equal(0, socket:stats().remoteErrors)
      socket:close()
    end)
  end)
end)
