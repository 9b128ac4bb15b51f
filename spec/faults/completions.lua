-- Refusals that last: what the library does while the system says no, how much
-- of the processor that takes, and what becomes of the datagrams.
-- Run by `make test-faults`, which preloads the shim.
local core = require "dgram.core"
local dgram = require "dgram"
local faults = require "faults"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local bound, poll_loop = traffic.sender, inside.poll_loop

local PORTABLE = os.getenv "PORTABLE"
local MANY = 1000000 -- calls in a row: as good as for ever

-- Refuses a call with an error from now on.
local function refuse(call, code, only)
  faults.at(call, 1, MANY, core.errno(code), only)
end

-- Sends `count` numbered datagrams; returns the list of completions to come.
local function send_all(socket, count, size, ...)
  local completions, arguments = {}, { ... }
  for i = 1, count do
    arguments[#arguments + 1] = function(err)
      completions[#completions + 1] = { number = i, code = err and err.code }
    end
    local text = ("%05d"):format(i)
    socket:send(text .. ("x"):rep(size - #text), table.unpack(arguments))
    arguments[#arguments] = nil
  end
  return completions
end

-- Asserts that there is one completion a datagram, in order, all the same.
local function check_completions(completions, count, code)
  assert.equal(count, #completions)
  for i, completion in ipairs(completions) do
    assert.equal(i, completion.number)
    assert.equal(code, completion.code)
  end
end

describe("a lasting refusal", function()
  before_each(faults.clear)
  after_each(faults.clear)

  for _, code in ipairs { "EAGAIN", "ENOBUFS" } do
    it(("of %s ends with ECANCELED when the socket closes"):format(code),
      function()
        helper.run(function()
          local socket, port = bound()
          refuse("send", code)
          local completions = send_all(socket, 100, 50, port, "127.0.0.1")
          helper.pass(20)
          assert.equal(0, #completions)
          assert.equal(100, socket:getSendQueueCount())
          socket:close(helper.expect(function()
            check_completions(completions, 100, "ECANCELED")
          end))
        end)
      end)
  end

  -- Asserts that what a socket sends is tried now and then, and sent at last.
  local function check_retries(code, socket, ...)
    refuse("send", code)
    local begin, completions = uv.hrtime(), send_all(socket, 300, 50, ...)
    helper.pass(300)
    helper.wait(function() return faults.count("send") >= 5 end)
    local tries, ms = faults.count("send"), (uv.hrtime() - begin) / 1e6
    assert.is_true(tries <= 20 + ms / 30, ("%d tries in %.0f ms"):format(tries, ms))
    faults.clear()
    helper.wait(function() return #completions == 300 end)
    check_completions(completions, 300, nil)
  end

  it("of ENOBUFS is retried by a timer that slows down", function()
    helper.run(function()
      local socket, port = bound()
      check_retries("ENOBUFS", socket, port, "127.0.0.1")
      socket:close()
    end)
  end)

  it("of EAGAIN is retried so when there is room to send, and yet it is refused", function()
    helper.run(function()
      local socket, port = bound()
      check_retries("EAGAIN", socket, port, "127.0.0.1")
      socket:close()
    end)
  end)

  it("of ENOBUFS is retried so between unix sockets without a name, too", function()
    helper.run(function()
      local one, other = dgram.socketpair()
      helper.listen(other)
      check_retries("ENOBUFS", one)
      helper.close(one, other)
    end)
  end)

  for _, code in ipairs { "EPERM", "ENETUNREACH", "ENOMEM", "EMSGSIZE" } do
    it(("of %s gives each datagram its completion"):format(code), function()
      helper.run(function()
        local socket, port = bound()
        refuse("send", code)
        local completions = send_all(socket, 500, 50, port, "127.0.0.1")
        helper.wait(function() return #completions == 500 end)
        check_completions(completions, 500, code)
        faults.clear()
        socket:send("x", port, "127.0.0.1", helper.expect(function(err)
          assert.is_nil(err)
          socket:close()
        end))
      end)
    end)
  end

  it("without a name is UNKNOWN, with its number", function()
    helper.run(function()
      local socket, port = bound()
      faults.at("send", 1, MANY, -3999)
      socket:send("x", port, "127.0.0.1", helper.expect(function(err)
        assert.equal("UNKNOWN", err.code)
        assert.equal(-3999, err.errno)
        faults.clear()
        socket:close()
      end))
    end)
  end)

  it("of a send nobody listens for is counted", function()
    helper.run(function()
      local socket, port = bound()
      refuse("send", "EPERM")
      for _ = 1, 10 do socket:send("x", port, "127.0.0.1") end
      helper.wait(function() return socket:getSendQueueCount() == 0 end)
      assert.equal(10, socket:stats().sendErrors)
      socket:close()
    end)
  end)

  it("of a send is one 'error' when there is no callback", function()
    helper.run(function()
      local socket, port = bound()
      local told = {}
      refuse("send", "EPERM")
      socket:on("error", helper.expect(10, function(err)
        assert.equal("EPERM", err.code)
        assert.equal("send", err.syscall)
        told[#told + 1] = err
      end))
      for _ = 1, 10 do socket:send("x", port, "127.0.0.1") end
      helper.fill(told, 10)
      assert.equal(10, socket:stats().sendErrors)
      socket:close()
    end)
  end)
end)

describe("a send beyond what may wait", function()
  before_each(faults.clear)
  after_each(faults.clear)

  it("has its callback, although there is no memory to note it", function()
    helper.run(function()
      local socket, port = bound { type = "udp4", maxQueue = 2000 }
      refuse("send", "EAGAIN")
      local waiting = send_all(socket, 1, 1500, port, "127.0.0.1")
      refuse("malloc", "ENOMEM")
      local refused = send_all(socket, 1, 1500, port, "127.0.0.1")
      assert.same({}, refused)
      faults.clear()
      helper.fill(refused)
      check_completions(refused, 1, "ENOMEM")
      helper.fill(waiting)
      check_completions(waiting, 1)
      socket:close()
    end)
  end)
end)

describe("a disconnect", function()
  before_each(faults.clear)
  after_each(faults.clear)

  it("fails what waits for the peer, not what goes elsewhere", function()
    helper.run(function()
      local peer, heard, to = traffic.receiver("udp4")
      local client = dgram.createSocket("udp4")
      client:bindSync { address = "127.0.0.1" }
      refuse("send", "EAGAIN")
      local routed = send_all(client, 2, 5, to.port, to.address)
      client:connectSync(to.port, to.address)
      local connected = send_all(client, 3, 7)
      local optioned = send_all(client, 2, 7, inside.supports(4, "ttl") and { ttl = 9 })
      client:disconnect()
      local later = send_all(client, 2, 9, to.port, to.address)
      faults.clear()
      helper.fill(later, 2)
      check_completions(routed, 2)
      check_completions(connected, 3, "ENOTCONN")
      check_completions(optioned, 2, "ENOTCONN")
      check_completions(later, 2)
      assert.equal(0, client:getSendQueueCount())
      assert.equal(0, client:getSendQueueSize())
      traffic.finish({ "00001", "00002", "00001xxxx", "00002xxxx" }, heard, client, peer)
    end)
  end)

  it("forgets the peer although its port cannot be had again", function()
    helper.run(function()
      local list = dgram.BlockList()
      list:addAddress "127.0.0.1"
      local client = dgram.createSocket { type = "udp4", sendBlockList = list }
      client:connectSync(9, "127.0.0.2")
      refuse("bind", "EADDRINUSE")
      helper.has({ code = "EADDRINUSE", syscall = "bind" },
        helper.raised(client.disconnect, client))
      faults.clear()
      helper.has({ code = "ERR_SOCKET_DGRAM_NOT_CONNECTED" },
        helper.raised(client.disconnect, client))
      client:send("x", 9, "127.0.0.1", helper.expect(function(err)
        assert.equal("ERR_IP_BLOCKED", err.code)
        client:close()
      end))
    end)
  end)

  it("that the system refuses leaves the peer, whatever the system says", function()
    helper.run(function()
      local peer, heard, to = traffic.receiver("udp4")
      local client = dgram.createSocket("udp4")
      client:connectSync(to.port, to.address)
      refuse("connect", "ENOTCONN")
      helper.has({ code = "ENOTCONN", syscall = "connect" },
        helper.raised(client.disconnect, client))
      faults.clear()
      client:send "x"
      traffic.finish({ "x" }, heard, client, peer)
    end)
  end)

  it("without memory for what waits changes nothing", function()
    helper.run(function()
      local peer, heard, path = traffic.full_peer()
      local client = dgram.createSocket("unix_dgram")
      client:connectSync(path)
      local completions = send_all(client, 100, 5)
      client:flush()
      assert.is_true(client:getSendQueueCount() > 0)
      refuse("malloc", "ENOMEM")
      helper.has({ code = "ENOMEM", syscall = "connect" },
        helper.raised(client.disconnect, client))
      faults.clear()
      assert.equal(path, client:remoteAddress().address)
      peer:resume()
      helper.fill(completions, 100)
      check_completions(completions, 100)
      helper.fill(heard, 100)
      helper.close(client, peer)
    end)
  end)
end)

describe("descriptors of which too many are on their way", function()
  before_each(faults.clear)
  after_each(faults.clear)

  it("are an error of their own, in the callback", function()
    helper.run(function()
      local peer, heard, to = traffic.receiver("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      refuse("send", "ETOOMANYREFS")
      client:send("lost", to.address, { descriptors = { 0 } }, helper.expect(function(err)
        helper.has({ code = "ETOOMANYREFS", syscall = "send", address = to.address }, err)
      end))
      client:flush()
      faults.clear()
      client:send("x", to.address)
      traffic.finish({ "x" }, heard, client, peer)
    end)
  end)
end)

describe("a path that takes no trains", function()
  before_each(faults.clear)
  after_each(faults.clear)

  -- Sends `count` datagrams of a size; all must arrive, in order.
  local function expect_all(socket, port, count, size)
    local arrived = {}
    local function on_message(msg) arrived[#arrived + 1] = msg:sub(1, 5) end
    socket:on("message", on_message)
    local completions = send_all(socket, count, size, port, "127.0.0.1")
    helper.wait(function() return #arrived == count end)
    helper.wait(function() return #completions == count end)
    socket:off("message", on_message)
    check_completions(completions, count, nil)
    for i, number in ipairs(arrived) do
      assert.equal(("%05d"):format(i), number)
    end
  end

  for _, code in ipairs { "EIO", "EINVAL", "EMSGSIZE" } do
    for _, size in ipairs { 60, 1400 } do
      it(("(%s, %d bytes) takes the datagrams one by one"):format(code, size),
        function()
          if PORTABLE then pending("the portable build makes no trains") end
          helper.run(function()
            local socket, port = bound()
            refuse("send", code, 1)
            expect_all(socket, port, 40, size)
            local refused = faults.hits()
            assert.is_true(refused > 0)
            for _ = 1, 3 do expect_all(socket, port, 40, size) end
            assert.is_true(faults.hits() <= refused + 1,
              "trains are tried again and again")
            socket:close()
          end)
        end)
    end
  end

  for _, code in ipairs { "EPERM", "ECONNREFUSED", "EHOSTUNREACH" } do
    it("is not what a refusal for another reason shows: " .. code, function()
      if PORTABLE then pending("the portable build makes no trains") end
      helper.run(function()
        local socket, port = bound()
        local before = socket:stats().gso
        faults.at("send", 1, 1, core.errno(code), 1) -- a train, once
        expect_all(socket, port, 20, 60)
        assert.equal(1, faults.hits())
        assert.equal(before, socket:stats().gso)
        socket:close()
      end)
    end)
  end

  it("still gives a refused datagram its own completion", function()
    helper.run(function()
      local socket, port = bound()
      faults.at("send", 1, 4, core.errno "EMSGSIZE")
      local completions = send_all(socket, 20, 60, port, "127.0.0.1")
      helper.wait(function() return #completions == 20 end)
      local failed = 0
      for i, completion in ipairs(completions) do
        assert.equal(i, completion.number)
        failed = failed + (completion.code and 1 or 0)
      end
      assert.is_true(failed >= 1 and failed <= 4)
      socket:close()
    end)
  end)
end)

describe("a call that is interrupted each time", function()
  before_each(faults.clear)

  it("fails a send in the end", function()
    helper.run(function()
      local socket, port = bound()
      refuse("send", "EINTR")
      socket:send("x", port, "127.0.0.1", helper.expect(function(err)
        assert.equal("EINTR", err.code)
        faults.clear()
        socket:close()
      end))
    end)
  end)

  it("is told of when it reads, and made again later", function()
    helper.run(function()
      local socket, port = bound()
      local heard, codes = helper.listen(socket), {}
      socket:on("error", function(err)
        codes[#codes + 1] = err.code
        faults.clear()
      end)
      refuse("receive", "EINTR")
      socket:send("x", port, "127.0.0.1")
      helper.wait(function() return heard[1] end)
      assert.same({ "EINTR" }, codes)
      socket:close()
    end)
  end)
end)

describe("system calls", function()
  before_each(faults.clear)

  it("are few: hundreds of datagrams go and come with one", function()
    if PORTABLE then pending("the portable build moves one a call") end
    helper.run(function()
      local socket, port = bound { type = "udp4", recvBufferSize = 1000000 }
      local heard = 0
      socket:on("message", function() heard = heard + 1 end)
      faults.at("send", 1, 0, 0) -- counts, and touches nothing
      faults.at("receive", 1, 0, 0)
      for _ = 1, 1000 do socket:send("0123456789", port, "127.0.0.1") end
      helper.wait(function() return heard == 1000 end)
      local sends, receives = faults.count("send"), faults.count("receive")
      assert.is_true(sends <= 10, sends .. " sends")
      assert.is_true(receives <= 20, receives .. " receives")
      socket:close()
    end)
  end)

  it("are all that a usual send takes: no function of Lua runs", function()
    helper.run(function()
      local socket, port = bound()
      local sethook, calls = debug.sethook, 0
      local function count()
        if debug.getinfo(2, "S").what == "Lua" then calls = calls + 1 end
      end
      socket:send("first", port, "127.0.0.1") -- asks the loop for a turn
      sethook(count, "c")
      socket:send("x", port, "127.0.0.1")
      socket:send("y", port, "127.0.0.1", count)
      sethook()
      assert.equal(0, calls)
      socket:close()
    end)
  end)

  it("for memory are few when as much was sent before", function()
    helper.run(function()
      local socket, port = bound()
      local function send_round()
        local completions = send_all(socket, 300, 1000, port, "127.0.0.1")
        helper.wait(function() return #completions == 300 end)
      end
      for _ = 1, 3 do send_round() end
      faults.at("malloc", 1, 0, 0)
      for _ = 1, 10 do send_round() end
      local calls = faults.count("malloc") -- more may wait at a time than before
      assert.is_true(calls <= 3, calls .. " calls")
      socket:close()
    end)
  end)

  it("are none while nothing happens", function()
    helper.run(function()
      local socket = bound()
      helper.pass(20)
      faults.clear()
      helper.pass(100)
      for _, call in ipairs { "send", "receive", "getsockopt" } do
        assert.equal(0, faults.count(call), call)
      end
      socket:close()
    end)
  end)
end)

describe("short counts", function()
  before_each(faults.clear)
  after_each(faults.clear)

  for _, most in ipairs { 1, 2, 63 } do
    it(("of %d message lose nothing and keep the order"):format(most),
      function()
        helper.run(function()
          local socket, port = bound()
          local other, other_port = bound()
          local arrived = {}
          other:on("message", function(msg) arrived[#arrived + 1] = msg end)
          faults.at("send", 1, MANY, most)
          faults.at("receive", 1, MANY, most)
          for i = 1, 150 do -- sizes differ, so that no train is made
            socket:send(("x"):rep(i), other_port, "127.0.0.1")
          end
          helper.wait(function() return #arrived == 150 end)
          for i, msg in ipairs(arrived) do assert.equal(i, #msg) end
          assert.is_number(port)
          helper.close(socket, other)
        end)
      end)
  end
end)

describe("receiving", function()
  before_each(faults.clear)
  after_each(faults.clear)

  it("goes on after errors nobody listens for", function()
    helper.run(function()
      local socket, port = bound()
      local heard = helper.expect(function() socket:close() end)
      socket:on("message", heard)
      faults.at("receive", 1, 20, core.errno "ECONNREFUSED")
      socket:send("x", port, "127.0.0.1")
    end)
  end)

  it("tells a listener each error once", function()
    helper.run(function()
      local socket, port = bound()
      local errors = 0
      socket:on("error", function(err)
        assert(err.code == "ECONNREFUSED")
        errors = errors + 1
      end)
      socket:on("message", helper.expect(function()
        assert.equal(3, errors)
        socket:close()
      end))
      faults.at("receive", 1, 3, core.errno "ECONNREFUSED")
      socket:send("x", port, "127.0.0.1")
    end)
  end)

  for _, code in ipairs { "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH",
    "EHOSTDOWN", "ENETDOWN", "ECONNRESET", "EMSGSIZE", "ENOPROTOOPT", "EPROTO",
    "EACCES" } do
    it(("goes on at once after what %s tells of an earlier datagram"):format(code),
      function()
        helper.run(function()
          local socket, port = bound()
          local errors, turns, first, last = 0, 0, nil, nil
          local prepare = uv.new_prepare()
          prepare:start(function() turns = turns + 1 end)
          socket:on("error", function(err)
            assert(err.code == code)
            errors, first = errors + 1, first or turns
          end)
          socket:on("message", function() last = turns end)
          faults.at("receive", 1, 10, core.errno(code))
          socket:send("x", port, "127.0.0.1")
          helper.wait(function() return last end)
          assert.equal(10, errors)
          assert.equal(first, last)
          helper.close(prepare, socket)
        end)
      end)
  end

  for _, code in ipairs { "ENOMEM", "ENOBUFS", "EIO" } do
    it(("does not spin while the system refuses it (%s)"):format(code),
      function()
        helper.run(function()
          local socket, port = bound()
          local got = false
          socket:on("message", function() got = true end)
          refuse("receive", code)
          socket:send("x", port, "127.0.0.1")
          helper.pass(200)
          local tries = faults.count("receive")
          assert.is_true(tries < 1000, tries .. " tries in 200 ms")
          faults.clear()
          helper.wait(function() return got end)
          socket:close()
        end)
      end)
  end

  it("does not read when there is room to send and nothing else", function()
    helper.run(function()
      local peer = inside.raw("udp4") -- a socket of ours would read, too
      assert(peer:bind("127.0.0.1", 0))
      local _, port = peer:name()
      local socket = bound()
      local sent = false
      faults.at("send", 1, 10, core.errno "EAGAIN")
      faults.at("receive", 1, 0, 0)
      socket:send("x", port, "127.0.0.1", function(err) sent = not err end)
      helper.wait(function() return sent end)
      assert.equal(11, faults.count("send"))
      assert.equal(0, faults.count("receive"))
      helper.close(socket, peer)
    end)
  end)

  it("tells of errors that come while it is paused and waits for room to send",
    function()
      helper.run(function()
        local dead = traffic.closed_port()
        local socket, codes, sent = bound(), {}, false
        socket:on("error", function(err) codes[#codes + 1] = err.code end)
        socket:connectSync(dead, "127.0.0.1")
        socket:pause()
        socket:send("1", function(err) assert(not err) end)
        socket:flush()
        faults.at("send", 1, 5, core.errno "EAGAIN")
        socket:send("2", function(err) sent = not err end)
        helper.wait(function() return sent end)
        faults.clear()
        assert.equal("ECONNREFUSED", codes[1])
        assert.equal(#codes, socket:stats().remoteErrors)
        socket:close()
      end)
    end)

  it("goes on after a rest although a send waits to become possible", function()
    helper.run(function()
      local socket, port = bound()
      local other, codes, heard, sent = uv.new_udp(), {}, {}, false
      socket:on("error", function(err) codes[#codes + 1] = err.code end)
      socket:on("message", function(msg) heard[#heard + 1] = msg end)
      refuse("send", "EAGAIN")
      faults.at("receive", 1, 1, core.errno "EIO")
      socket:send("late", port, "127.0.0.1", function(err) sent = not err end)
      other:try_send("early", "127.0.0.1", port)
      helper.fill(heard)
      assert.same({ "EIO" }, codes)
      assert.same({ "early" }, heard)
      assert.is_false(sent)
      faults.clear()
      helper.fill(heard, 2)
      assert.same({ "early", "late" }, heard)
      helper.wait(function() return sent end)
      helper.close(other, socket)
    end)
  end)

  it("hears on although the error queue cannot be marked", function()
    helper.run(function()
      local peer, port = bound()
      refuse("setsockopt", "ENOPROTOOPT", 45) -- SO_SELECT_ERR_QUEUE
      local client, client_port = bound()
      faults.clear()
      client:on("message", helper.expect(function() client:close() end))
      client:connectSync(port, "127.0.0.1")
      helper.closed(peer)
      client:send("to nobody")
      helper.wait(function() return client:stats().remoteErrors > 0 end)
      peer = dgram.createSocket("udp4")
      peer:bindSync({ port = port, address = "127.0.0.1" })
      peer:send("hello", client_port, "127.0.0.1", function() peer:close() end)
    end)
  end)
end)

describe("closing", function()
  before_each(faults.clear)
  after_each(faults.clear)

  it("tries once more what the system refused for a while", function()
    helper.run(function()
      local socket, port = bound()
      faults.at("send", 1, 1, core.errno "ENOBUFS")
      socket:send("x", port, "127.0.0.1", helper.sent())
      socket:close()
    end)
  end)

  for _, call in ipairs { "open", "dup3", "close" } do
    it(("works although %s fails"):format(call), function()
      helper.run(function()
        local socket, port = bound()
        refuse(call, "EMFILE")
        helper.closed(socket)
        faults.clear()
        local next_one = dgram.createSocket("udp4")
        next_one:bindSync({ port = port, address = "127.0.0.1" })
        next_one:close()
      end)
    end)
  end

  it("leaves no memory behind, nor do datagrams that were not delivered", function()
    local before = faults.held()
    for _ = 1, 20 do
      helper.run(function()
        local paused = {}
        for i = 1, 3 do
          local socket, port = bound()
          socket:on("message", function()
            paused[i] = socket:pause()
          end)
          for j = 1, 5 do socket:send(("x"):rep(j), port, "127.0.0.1") end
        end
        helper.wait(function() return paused[1] and paused[2] and paused[3] end)
        for _, socket in ipairs(paused) do
          assert.equal(1, socket:stats().received)
          socket:close()
        end
      end)
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(faults.held() <= before + 10,
      faults.held() - before .. " blocks are left")
  end)

  it("leaves no memory of what was refused for want of room behind", function()
    local before = faults.held()
    for _ = 1, 20 do
      helper.run(function()
        local one, _, path = traffic.full_peer()
        local other, _, other_path = traffic.full_peer()
        local socket, told = dgram.createSocket { type = "unix_dgram", maxQueue = 40000,
          linger = 0 }, 0
        local function note(err) if err and err.code == "ENOBUFS" then told = told + 1 end end
        for _ = 1, 35 do socket:send(("x"):rep(1000), path, note) end
        for _ = 1, 35 do socket:flush():send(("y"):rep(1000), other_path, note) end
        helper.wait(function() return told > 0 end)
        helper.close(socket, one, other)
      end)
    end
    for _ = 1, 2 do collectgarbage() end
    assert.is_true(faults.held() <= before + 10,
      faults.held() - before .. " blocks are left")
  end)

  it("leaves no memory behind", function()
    collectgarbage()
    collectgarbage()
    local before = faults.held()
    for _ = 1, 20 do
      helper.run(function()
        local socket, port = bound { type = "udp4", linger = 0 }
        refuse("send", "EAGAIN")
        send_all(socket, 2000, 1000, port, "127.0.0.1")
        socket:close(faults.clear)
      end)
    end
    collectgarbage()
    collectgarbage()
    local spare = 10 -- blocks the pool may keep, and a batch
    assert.is_true(faults.held() <= before + spare,
      faults.held() - before .. " blocks are left")
  end)
end)

describe("a lookup on the built-in loop", function()
  before_each(faults.clear)
  after_each(faults.clear)

  local codes = { EAI_AGAIN = -3, EAI_FAIL = -4, EAI_MEMORY = -10, ENOTFOUND = -2 }
  for code, number in pairs(codes) do
    it("that the resolver fails tells " .. code, function()
      local loop, failure = poll_loop.new(), nil
      local socket = dgram.createSocket { type = "udp4", loop = loop }
      socket:bindSync { address = "127.0.0.1" }
      faults.at("getaddrinfo", 1, MANY, number)
      socket:send("x", 9, "localhost", function(err) failure = err end)
      socket:close()
      assert.is_false(loop.run())
      assert.equal(code, failure.code)
      assert.equal("getaddrinfo", failure.syscall)
    end)
  end
end)

describe("a close that gets no descriptor for what waited", function()
  before_each(faults.clear)
  after_each(faults.clear)

  -- A socket on a loop whose errors we get, and three sends that wait for its bind.
  local function scene(options)
    local loop, told = poll_loop.new(), {}
    options.type, options.loop = "udp4", loop
    local socket = dgram.createSocket(options)
    refuse("socket", "EMFILE")
    for i = 1, 3 do
      socket:send("x", 9, "127.0.0.1", function(err)
        told[#told + 1] = err.code
        error("callback " .. i, 0)
      end)
    end
    return socket, loop, told
  end

  -- Turns the loop; each callback's error leaves it, then the socket is closed.
  local function check(socket, loop, told)
    local closed = false
    socket:on("close", function() closed = true end)
    assert.same({}, told)
    for i = 1, 3 do assert.equal("callback " .. i, helper.raised(loop.run)) end
    assert.is_false(loop.run())
    assert.same({ "EMFILE", "EMFILE", "EMFILE" }, told)
    assert.is_true(closed)
  end

  it("tells each callback, not inside close, although they raise", function()
    local socket, loop, told = scene {}
    socket:close()
    check(socket, loop, told)
  end)

  it("does so when the lookup of the bind ends later", function()
    local answer
    local socket, loop, told = scene {
      lookup = function(_, _, callback) answer = callback end,
    }
    socket:close()
    answer(nil, "127.0.0.1")
    check(socket, loop, told)
  end)
end)

describe("an error that ICMP brings", function()
  after_each(faults.clear)

  -- All that Linux makes of one, RFC 792 and RFC 4443.
  for code in ([[ENETUNREACH EHOSTUNREACH ENOPROTOOPT ECONNREFUSED EMSGSIZE ENOTSUP
    EHOSTDOWN ENONET EACCES EPROTO]]):gmatch("%S+") do
    it(code .. " has a name, and keeps nobody from what comes next", function()
      local loop, codes = poll_loop.new(), {}
      function loop.timer() -- wakes nobody who rests
        return { start = function() end, stop = function() end }
      end
      local socket = dgram.createSocket { type = "udp4", loop = loop }
      local heard = helper.listen(socket)
      socket:on("error", function(err) codes[#codes + 1] = err.code end)
      local port = socket:bindSync({ address = "127.0.0.1" }).port
      faults.at("receive", 1, 1, core.errno(code))
      socket:send("x", port, "127.0.0.1")
      for _ = 1, 10 do loop.run("nowait") end
      assert.same({ code }, codes)
      assert.same({ "x" }, heard)
      socket:close()
      loop.run()
    end)
  end
end)

describe("a watcher that cannot be asked", function()
  after_each(faults.clear)

  it("is asked again in the poll() loop's next round", function()
    local loop = poll_loop.new()
    local socket = dgram.createSocket { type = "udp4", loop = loop }
    if PORTABLE then pending("this build has no watcher") end
    local heard = helper.listen(socket)
    local port = socket:bindSync({ address = "127.0.0.1" }).port
    socket:send("hello", port, "127.0.0.1")
    faults.at("epoll_wait", 1, 3, core.errno "EINTR")
    for _ = 1, 100 do
      if not heard[1] then loop.run("once") end
    end
    assert.same({ "hello" }, heard)
    assert.equal(3, faults.hits("epoll_wait"))
    socket:close()
    loop.run()
  end)

  it("waits again when a signal has ended its wait", function()
    local loop, rung = poll_loop.new(), false
    loop.timer(function() rung = true end):start(1)
    faults.at("poll", 1, 3, core.errno "EINTR")
    loop.run()
    assert.equal(3, faults.hits("poll"))
    assert.is_true(rung)
  end)

  it("raises an error with a name when there is no memory for the wait", function()
    local loop, rung = poll_loop.new(), false
    loop.timer(function() rung = true end):start(1)
    faults.at("poll", 1, 1, core.errno "ENOMEM")
    helper.has({ code = "ENOMEM", syscall = "poll" }, helper.raised(loop.run))
    loop.run()
    assert.is_true(rung)
  end)
end)
