-- Straight lines: dgram.run, async, await, sleep, once, on, and socket:receive.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local unpack = table.unpack or unpack -- luacheck: ignore
local server = traffic.sender
local OLD = _VERSION == "Lua 5.1" and not rawget(_G, "jit") -- no yield across pcall

-- Runs a function in a coroutine, until the loop is empty; it must come to its end.
local function straight(body, seconds)
  helper.run(function()
    local done = helper.expect()
    dgram.async(function()
      body()
      done()
    end)()
  end, seconds)
end

-- A task beside others, which must come to its end.
local function beside(body)
  local done = helper.expect()
  dgram.async(function()
    body()
    done()
  end)()
end

-- Errors unless nothing waits for the socket, and no timer on its loop.
local function assert_nothing_waits(socket)
  assert.same({ 0, 0 }, { inside.waiting(socket) })
  for _, event in ipairs { "message", "error", "close", "listening" } do
    assert.equal(0, socket:listenerCount(event), event)
  end
end

describe("socket:receive", function()
  it("returns the datagram and its rinfo", function()
    straight(function()
      local a, port = server()
      local b, from = server()
      b:send("hello", port, "127.0.0.1")
      local msg, rinfo = a:receive()
      assert.equal("hello", msg)
      assert.same({ address = "127.0.0.1", family = "IPv4", port = from, size = 5 }, rinfo)
      helper.close(a, b)
    end)
  end)

  it("returns an empty datagram as well", function()
    straight(function()
      local a, port = server()
      a:send("", port, "127.0.0.1")
      assert.equal("", (a:receive(1000)))
      a:close()
    end)
  end)

  it("serves those who wait, although the last of them left before others came", function()
    straight(function()
      local a, port = server()
      local got = {}
      local function wait(name, timeout)
        beside(function() got[name] = a:receive(timeout) or "nothing" end)
      end
      wait "first"
      wait("second", 1)
      while not got.second do dgram.sleep(1) end
      wait "third"
      for _, text in ipairs { "1", "2" } do a:send(text, port, "127.0.0.1") end
      while not (got.first and got.third) do dgram.sleep(1) end
      assert.same({ first = "1", second = "nothing", third = "2" }, got)
      a:close()
    end)
  end)

  it("serves those who wait in the order they came", function()
    straight(function()
      local a, port = server()
      local got = {}
      for i = 1, 3 do
        beside(function() got[i] = a:receive() end)
      end
      a:sendMany({ "1", "2", "3" }, port, "127.0.0.1")
      dgram.sleep(0)
      while #got < 3 do dgram.sleep(1) end
      assert.same({ "1", "2", "3" }, got)
      assert_nothing_waits(a)
      a:close()
    end)
  end)

  it("returns ETIMEDOUT when the time is over, and leaves nothing behind", function()
    straight(function()
      local a = server()
      local msg, err = a:receive(5)
      assert.is_nil(msg)
      helper.has({ name = "Error", code = "ETIMEDOUT", message = "recvmsg ETIMEDOUT" }, err)
      assert_nothing_waits(a)
      a:close()
    end)
  end)

  it("leaves no timer behind when a datagram comes in time", function()
    straight(function()
      local a, port = server()
      a:send("x", port, "127.0.0.1")
      assert.equal("x", (a:receive(60000)))
      assert_nothing_waits(a)
      a:close()
    end)
  end)

  it("with 0 returns what has come by now", function()
    straight(function()
      local a, port = server()
      assert.equal("ETIMEDOUT", select(2, a:receive(0)).code)
      a:send("x", port, "127.0.0.1")
      a:flush()
      assert.equal("x", (a:receive(0)))
      a:close()
    end)
  end)

  it("with 0, until it returns nothing, has a listener hear all that came", function()
    straight(function()
      for _, kind in ipairs { "udp4", "unix_dgram" } do
        local a, heard, at = traffic.receiver(kind)
        local from = dgram.createSocket(kind)
        from:connectSync(at.port or at.address)
        from:send("first")
        assert.equal("first", (a:receive(5000)))
        for _ = 2, 3000 do from:send("x") end
        local taken = from:flush():stats().sent
        local msg = a:receive(0)
        while msg do msg = a:receive(0) end
        if kind == "udp4" then assert.equal(3000 - a:stats().dropped, #heard) end
        assert.is_true(#heard >= taken)
        helper.close(a, from)
      end
    end)
  end)

  it("takes a datagram that came in time although the loop is late", function()
    straight(function()
      local a, port = server()
      local heard
      beside(function() heard = a:receive(1) end)
      local begin = uv.hrtime()
      while uv.hrtime() - begin < 5e6 do uv.update_time() end
      a:send("x", port, "127.0.0.1")
      a:flush()
      while not heard and inside.waiting(a) > 0 do dgram.sleep(0) end
      assert.equal("x", heard)
      a:close()
    end)
  end)

  it("takes all that came in time, although those before came alone", function()
    for lone = 12, 15 do -- after so many it asks the kernel for one, or for more
      straight(function()
        local a, port = server()
        local heard, count = {}, 0
        for _ = 1, lone do
          a:send("lone", port, "127.0.0.1")
          a:receive()
        end
        for i = 1, 4 do
          beside(function()
            heard[i] = a:receive(i == 4 and 1 or nil) or "nothing"
            count = count + 1
          end)
        end
        local begin = uv.hrtime()
        while uv.hrtime() - begin < 5e6 do uv.update_time() end
        for i = 1, 4 do
          a:send(tostring(i), port, "127.0.0.1")
          a:flush() -- each for itself, not a train
        end
        while count < 4 do dgram.sleep(0) end
        assert.same({ "1", "2", "3", "4" }, heard)
        a:close()
      end)
    end
  end)

  it("finds what came while nobody waited", function()
    straight(function()
      local a, port = server()
      a:receive(0)
      local sent = {}
      for i = 1, 100 do sent[i] = tostring(i) end
      dgram.await(a.sendMany, a, sent, port, "127.0.0.1")
      dgram.sleep(10)
      for i = 1, 100 do assert.equal(sent[i], (a:receive(1000))) end
      a:close()
    end)
  end)

  it("hears every datagram of a batch although it waits elsewhere in between", function()
    straight(function()
      local a, port = server()
      local sent, got = {}, {}
      for i = 1, 100 do sent[i] = tostring(i) end
      a:sendMany(sent, port, "127.0.0.1")
      for i = 1, 100 do
        got[i] = a:receive(1000)
        dgram.sleep(0)
      end
      assert.same(sent, got)
      a:close()
    end)
  end)

  it("does not keep the loop alive while nobody waits", function()
    helper.run(function()
      local a = server()
      dgram.run(function() a:receive(1) end) -- returns
      a:close()
    end)
  end)

  for name, begin in pairs {
    ["a datagram"] = function(socket, port)
      socket:send("x", port, "127.0.0.1")
      return socket:receive()
    end,
    ["a timeout"] = function(socket) return socket:receive(1) end,
    ["an error of the network"] = function(socket)
      local gone, port = server()
      gone:close()
      socket:connectSync(port, "127.0.0.1")
      socket:send("x")
      return socket:receive()
    end,
  } do
    it("does not, either, once a coroutine raised that heard of " .. name, function()
      local loop, errors = traffic.surviving()
      local a, port = server { type = "udp4", loop = loop }
      helper.run(function()
        dgram.async(function()
          begin(a, port)
          error("mine")
        end)()
      end) -- returns
      assert.truthy(errors[1]:find("mine", 1, true))
      assert_nothing_waits(a)
      helper.run(function() a:close() end)
    end)
  end

  it("shares with listeners, who hear everything", function()
    straight(function()
      local a, port = server()
      local heard = helper.listen(a)
      a:sendMany({ "1", "2" }, port, "127.0.0.1")
      assert.equal("1", (a:receive(1000)))
      while #heard < 2 do dgram.sleep(1) end
      assert.same({ "1", "2" }, heard)
      assert.equal("ETIMEDOUT", select(2, a:receive(0)).code)
      a:removeAllListeners("message")
      a:send("3", port, "127.0.0.1")
      dgram.sleep(5)
      assert.equal("3", (a:receive(1000)))
      assert.equal(2, #heard)
      a:close()
    end)
  end)

  it("waits while the socket is paused", function()
    straight(function()
      local a, port = server()
      a:pause()
      a:send("x", port, "127.0.0.1")
      assert.equal("ETIMEDOUT", select(2, a:receive(5)).code)
      a:resume()
      assert.equal("x", (a:receive(1000)))
      a:close()
    end)
  end)

  it("tells all who wait that the socket is closed", function()
    straight(function()
      local a = server()
      local told = 0
      for i = 1, 3 do
        beside(function()
          local msg, err = a:receive(i == 2 and 60000 or nil)
          assert.is_nil(msg)
          assert.equal("ERR_SOCKET_DGRAM_NOT_RUNNING", err.code)
          told = told + 1
        end)
      end
      a:close()
      assert.equal(0, told)
      dgram.once(a, "close")
      assert.equal(3, told)
      assert_nothing_waits(a)
      assert.equal("ERR_SOCKET_DGRAM_NOT_RUNNING", select(2, a:receive()).code)
    end)
  end)

  it("goes on for the others when one of those who hear of the close raises", function()
    local loop, errors = traffic.surviving()
    helper.run(function()
      local a = server { type = "udp4", loop = loop }
      dgram.async(function()
        a:receive()
        error("mine")
      end)()
      beside(function() a:receive() end)
      a:close()
    end)
    assert.equal(1, #errors)
    assert.truthy(errors[1]:find("mine", 1, true))
  end)

  it("keeps what comes behind a datagram whose coroutine raises", function()
    local loop, errors = traffic.surviving()
    helper.run(function()
      local a, port = server { type = "udp4", loop = loop }
      dgram.async(function()
        local function deep() error("mine") end
        a:receive()
        deep()
      end)()
      beside(function()
        dgram.sleep(10)
        assert.equal("2", (a:receive(1000)))
        assert.equal("3", (a:receive(1000)))
        a:close()
      end)
      a:sendMany({ "1", "2", "3" }, port, "127.0.0.1")
    end)
    assert.equal(1, #errors)
    assert.truthy(errors[1]:find("mine.*stack traceback:.*deep"), errors[1])
  end)

  it("passes by a coroutine that was ended while it waited", function()
    if not coroutine.close then pending("coroutine.close is of Lua 5.4") end
    straight(function()
      local a, port = server()
      local ended = coroutine.create(function() a:receive() end)
      coroutine.resume(ended)
      local heard
      beside(function() heard = a:receive() end)
      coroutine.close(ended)
      a:send("x", port, "127.0.0.1")
      while not heard do dgram.sleep(0) end
      assert.equal("x", heard)
      assert_nothing_waits(a)
      a:close()
    end)
  end)

  it("keeps a datagram that finds only coroutines that were ended", function()
    if not coroutine.close then pending("coroutine.close is of Lua 5.4") end
    straight(function()
      local a, port = server()
      local ended = coroutine.create(function() a:receive() end)
      coroutine.resume(ended)
      coroutine.close(ended)
      a:send("x", port, "127.0.0.1")
      while inside.waiting(a) > 0 do dgram.sleep(0) end
      assert.equal("x", (a:receive(1000)))
      a:close()
    end)
  end)

  it("is an error in a coroutine that somebody else resumes, and is taken back", function()
    if inside.luv_adapter().suspend then pending("this host has coroutines of its own") end
    helper.run(function()
      local a = server()
      local disturbed = coroutine.create(function() a:receive(1000) end)
      coroutine.resume(disturbed)
      local ok, err = coroutine.resume(disturbed)
      assert.is_false(ok)
      helper.has({ code = "ERR_NOT_IN_COROUTINE" }, err)
      assert.truthy(err.message:find("somebody else", 1, true))
      assert_nothing_waits(a)
      a:close()
    end)
  end)

  it("binds a socket that is not bound", function()
    straight(function()
      local a, b = dgram.createSocket("udp4"), dgram.createSocket("udp4")
      beside(function()
        dgram.sleep(0)
        b:send("x", a:address().port, "127.0.0.1")
      end)
      assert.equal("x", (a:receive(1000)))
      helper.close(a, b)
    end)
  end)

  it("refuses a unix socket that nothing can come to", function()
    local a = dgram.createSocket("unix_dgram")
    helper.has({ code = "ERR_SOCKET_NOT_BOUND" },
      helper.raised(dgram.run, function() a:receive() end))
    a:close()
  end)

  it("hears that a bind failed", function()
    straight(function()
      local a, port = server()
      local b = dgram.createSocket("udp4")
      b:bind(port, "127.0.0.1")
      beside(function()
        assert.equal("EADDRINUSE", select(2, b:receive()).code)
      end)
      assert.equal("EADDRINUSE", select(2, b:receive()).code)
      helper.close(a, b)
    end)
  end)

  it("hears that nobody listens at the peer, unless listeners of 'error' do", function()
    straight(function()
      local a, port = server()
      a:close()
      local b, monitored = dgram.createSocket("udp4"), nil
      b:on(dgram.errorMonitor, function(err) monitored = err end)
      b:connectSync(port, "127.0.0.1")
      b:send("x")
      local msg, err = b:receive(1000)
      assert.is_nil(msg)
      helper.has({ code = "ECONNREFUSED", address = "127.0.0.1", port = port }, err)
      assert.equal(err, monitored)
      local heard
      b:on("error", function(each) heard = each end)
      b:send("x")
      assert.equal("ETIMEDOUT", select(2, b:receive(20)).code)
      assert.equal("ECONNREFUSED", heard.code)
      b:close()
    end)
  end)

  it("checks its argument", function()
    local a = dgram.createSocket("udp4")
    for _, wrong in ipairs { -1, 0.5, 2 ^ 31 } do
      helper.has({ code = "ERR_OUT_OF_RANGE" }, helper.raised(a.receive, a, wrong))
    end
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, helper.raised(a.receive, a, "1"))
    a:close()
  end)

  it("serves a thousand who wait for one socket", function()
    straight(function()
      local a, port = server { type = "udp4", recvBufferSize = 4194304 }
      local got, messages = {}, {}
      for i = 1, 1000 do
        messages[i] = tostring(i)
        dgram.async(function() got[i] = a:receive(i % 2 == 0 and 60000 or nil) end)()
      end
      while #got < 1000 do
        a:sendMany({ unpack(messages, #got + 1, math.min(#got + 50, 1000)) }, port, "127.0.0.1")
        dgram.sleep(1)
      end
      assert.same(messages, got)
      assert_nothing_waits(a)
      a:close()
    end, 20)
  end)

  it("takes a thousand timeouts of one socket", function()
    straight(function()
      local a, ended = server(), 0
      for i = 1, 1000 do
        dgram.async(function()
          assert.equal("ETIMEDOUT", select(2, a:receive(i % 10)).code)
          ended = ended + 1
        end)()
      end
      while ended < 1000 do dgram.sleep(1) end
      assert_nothing_waits(a)
      a:close()
    end, 20)
  end)

  it("waits on a thousand sockets", function()
    straight(function()
      local sockets, ports, got = {}, {}, 0
      for i = 1, 1000 do
        sockets[i], ports[i] = server()
        dgram.async(function()
          assert.equal(tostring(i), (sockets[i]:receive(60000)))
          got = got + 1
        end)()
      end
      for i = 1, 1000 do sockets[i]:send(tostring(i), ports[i], "127.0.0.1") end
      while got < 1000 do dgram.sleep(1) end
      assert_nothing_waits(sockets[1])
      helper.close(unpack(sockets))
    end, 20)
  end)
end)

describe("dgram.run", function()
  it("returns what the function returns, when nothing is left", function()
    helper.run(function()
      local order = {}
      local a, b, c = dgram.run(function()
        dgram.async(function()
          repeat dgram.sleep(1) until order[1]
          order[#order + 1] = "later"
        end)()
        dgram.sleep(1)
        order[#order + 1] = "first"
        return 1, nil, 3
      end)
      assert.same({ 1, nil, 3 }, { a, b, c })
      if inside.luv_adapter().suspend then -- whose loop knows of its own coroutines alone
        helper.wait(function() return #order == 2 end)
      end
      assert.same({ "first", "later" }, order)
    end)
  end)

  it("raises what the function raises, at once, before and after it has waited", function()
    helper.run(function()
      local mine, a = {}, nil
      local function body(ms)
        return function()
          a = server() -- keeps the loop alive
          if ms then dgram.sleep(ms) end
          error(mine)
        end
      end
      assert.equal(mine, helper.raised(dgram.run, body()))
      a:close()
      assert.equal(mine, helper.raised(dgram.run, body(1)))
      a:close()
    end)
  end)

  it("adds the coroutine's traceback to an error that is text", function()
    local function deep() error("mine", 0) end
    local err = helper.raised(dgram.run, function() dgram.sleep(1) deep() end)
    assert.truthy(err:find("^mine\nstack traceback:.*deep"), err)
  end)

  it("runs another loop, which is that of all it calls", function()
    local loop, begin = inside.poll_loop.new(), uv.hrtime()
    assert.equal("echo", dgram.run(function()
      local a, port = server { type = "udp4", loop = loop }
      dgram.async(function()
        dgram.sleep(5)
        a:send("echo", port, "127.0.0.1")
      end)()
      return (a:receive(1000))
    end, loop))
    assert.is_true((uv.hrtime() - begin) / 1e9 < 0.9)
    assert.equal("mine", helper.raised(dgram.run, function()
      dgram.sleep(1)
      error("mine", 0)
    end, loop):match("^[^\n]*"))
    assert.is_false(loop.alive())
  end)

  it("raises what the loop raises, and what its host has caught", function()
    local loop = inside.poll_loop.new()
    local err = helper.raised(dgram.run, function()
      dgram.async(function()
        dgram.sleep(1)
        error("mine", 0)
      end)()
    end, loop)
    assert.truthy(err:find("mine", 1, true))
    loop.run = function() return nil, "caught" end
    assert.equal("caught", helper.raised(dgram.run, function() end, loop))
  end)

  it("is ENOTSUP where the host runs the loop", function()
    local loop = inside.poll_loop.new()
    loop.stop = nil
    helper.has({ code = "ENOTSUP" }, helper.raised(dgram.run, function() end, loop))
  end)

  it("checks its arguments, as async does", function()
    for _, name in ipairs { "run", "async" } do
      helper.has({ code = "ERR_INVALID_ARG_TYPE" }, helper.raised(dgram[name], 1))
      helper.has({ code = "ERR_INVALID_ARG_TYPE" },
        helper.raised(dgram[name], function() end, "luv"))
    end
  end)
end)

describe("dgram.async", function()
  it("makes a listener that may wait", function()
    straight(function()
      local a, port = server()
      local order, b = {}, server()
      a:on("message", dgram.async(function(msg, rinfo)
        if msg == "slow" then dgram.sleep(20) end
        order[#order + 1] = msg .. rinfo.size
      end))
      b:sendMany({ "slow", "fast" }, port, "127.0.0.1")
      while #order < 2 do dgram.sleep(1) end
      assert.same({ "fast4", "slow4" }, order)
      helper.close(a, b)
    end)
  end)

  it("lets errors go where a listener's go, with the coroutine's traceback", function()
    local loop, errors = traffic.surviving()
    helper.run(function()
      local a, port = server { type = "udp4", loop = loop }
      local function deep() error("mine") end
      a:on("message", dgram.async(function(msg)
        if msg == "2" then dgram.sleep(1) end
        if msg == "3" then return a:close() end
        deep()
      end, loop))
      a:sendMany({ "1", "2" }, port, "127.0.0.1")
      helper.wait(function() return #errors == 2 end)
      a:send("3", port, "127.0.0.1")
    end)
    for i = 1, 2 do assert.truthy(errors[i]:find("mine.*traceback:.*deep"), errors[i]) end
  end)

  it("closes the variables of a function that raised, from Lua 5.4 on", function()
    if not coroutine.close then pending("a variable has no <close> before Lua 5.4") end
    local body = assert(load([[
      local socket, sleep = ...
      local own <close> = socket
      sleep(1)
      error("mine")
    ]]))
    local loop, errors = traffic.surviving()
    helper.run(function()
      local a, b = server { type = "udp4", loop = loop }, server()
      dgram.async(body, loop)(a, dgram.sleep)
      local ok, err = pcall(dgram.run, function() body(b, dgram.sleep) end)
      assert.is_false(ok)
      assert.truthy(err:find("mine.*traceback"), err)
      helper.wait(function() return errors[1] end)
      helper.has({ code = "ERR_SOCKET_DGRAM_NOT_RUNNING" }, helper.raised(a.close, a))
      helper.has({ code = "ERR_SOCKET_DGRAM_NOT_RUNNING" }, helper.raised(b.close, b))
    end)
    assert.truthy(errors[1]:find("mine.*traceback"), errors[1])
  end)

  it("leaves an error that is no text as it is", function()
    local loop, errors = traffic.surviving()
    local mine = {}
    helper.run(function()
      dgram.async(function()
        dgram.sleep(1)
        error(mine)
      end, loop)()
    end)
    assert.equal(mine, errors[1])
  end)
end)

describe("dgram.await", function()
  it("returns what the callback got", function()
    straight(function()
      local a, port = server()
      local err, bytes = dgram.await(a.send, a, "hello", port, "127.0.0.1")
      assert.is_nil(err)
      assert.equal(5, bytes)
      err, bytes = dgram.await(a.send, a, ("x"):rep(65508), port, "127.0.0.1")
      helper.has({ code = "EMSGSIZE" }, err)
      assert.equal(65508, bytes)
      dgram.await(a.close, a)
      assert.equal(0, a:listenerCount("close"))
    end)
  end)

  it("returns at once when the callback comes at once, and passes on every value", function()
    straight(function()
      local function answer(a, b, callback)
        assert.same({ 1, nil }, { a, b })
        callback(nil, 2, nil, 4, nil)
        callback("again")
      end
      assert.equal(5, select("#", dgram.await(answer, 1, nil)))
      assert.same({ nil, 2, nil, 4 }, { dgram.await(answer, 1, nil) })
    end)
  end)

  it("raises what the function raises", function()
    local err = helper.raised(dgram.run, function()
      dgram.await(function() error("mine", 0) end)
    end)
    assert.equal("mine", err:match("^[^\n]*"))
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, helper.raised(dgram.await, 1))
  end)
end)

describe("dgram.sleep", function()
  it("lasts as long as it says, for thousands at a time", function()
    straight(function()
      local ended = 0
      for i = 1, 2000 do
        local ms, begin = (i * 37) % 50, uv.hrtime()
        beside(function()
          dgram.sleep(ms)
          assert.is_true((uv.hrtime() - begin) / 1e6 >= ms)
          ended = ended + 1
        end)
      end
      while ended < 2000 do dgram.sleep(1) end
    end, 20)
  end)

  it("is woken in order, whatever was cancelled in between", function()
    local timers, entries, order = inside.new_timers(), {}, {}
    for i = 1, 500 do
      entries[i] = { name = i }
      timers:add(entries[i], (i * 7919) % 100)
    end
    for i = 1, 500, 3 do
      timers:remove(entries[i])
      timers:remove(entries[i])
    end
    while timers[1] do
      order[#order + 1] = timers[1]
      timers:remove(timers[1])
    end
    assert.equal(333, #order)
    for i = 2, #order do
      local a, b = order[i - 1], order[i]
      assert.is_true(a.due < b.due or a.due == b.due and a.name < b.name)
    end
  end)

  it("checks its argument", function()
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, helper.raised(dgram.sleep))
    helper.has({ code = "ERR_OUT_OF_RANGE" }, helper.raised(dgram.sleep, -1))
  end)
end)

-- What a call raises in a coroutine of its own.
local function raised(fn, ...)
  local arguments, err = { ... }, nil
  local ok, why = pcall(dgram.run, function() fn(unpack(arguments)) end)
  if not ok then err = why end
  return assert(err, "it raised no error")
end

describe("dgram.once", function()
  it("returns the arguments of the event, and leaves no listener", function()
    straight(function()
      local a = dgram.createSocket("udp4")
      assert.equal(0, select("#", dgram.once(a:bind(0, "127.0.0.1"), "listening")))
      a:send("x", a:address().port, "127.0.0.1")
      local msg, rinfo = dgram.once(a, "message", { timeout = 1000 })
      assert.equal("x", msg)
      assert.equal(1, rinfo.size)
      assert_nothing_waits(a)
      beside(function() assert.equal("mine", dgram.once(a, "error")) end)
      a:emit("error", "mine")
      a:close()
      dgram.once(a, "close")
    end)
  end)

  it("raises what 'error' brings, a timeout, an abort, a close", function()
    helper.run(function()
      local a, controller = server(), dgram.AbortController()
      local mine = {}
      local function later(fn)
        return dgram.async(function()
          dgram.sleep(1)
          fn()
        end)()
      end
      later(function() a:emit("error", mine) end)
      a:unref()
      assert.equal(mine, raised(dgram.once, a, "message", { timeout = 50 }))
      helper.has({ code = "ETIMEDOUT", message = "No 'message' within 5 ms" },
        raised(dgram.once, a, "message", { timeout = 5 }))
      assert_nothing_waits(a)
      later(function() controller:abort("enough") end)
      local options = { signal = controller.signal, timeout = 50 }
      local err = raised(dgram.once, a, "message", options)
      helper.has({ name = "AbortError", code = "ABORT_ERR", cause = "enough" }, err)
      assert.equal(0, #controller.signal.listeners)
      helper.has({ code = "ABORT_ERR" }, raised(dgram.once, a, "message", options))
      later(function() a:close() end)
      helper.has({ code = "ERR_SOCKET_DGRAM_NOT_RUNNING" },
        raised(dgram.once, a, "message", { timeout = 50 }))
      assert_nothing_waits(a)
      helper.has({ code = "ERR_SOCKET_DGRAM_NOT_RUNNING" }, raised(dgram.once, a, "message"))
    end)
  end)

  it("checks its arguments", function()
    local a = dgram.createSocket("udp4")
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, raised(dgram.once, 1, "x"))
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, raised(dgram.once, {}, "x"))
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, raised(dgram.once, a, "x", 1))
    helper.has({ code = "ERR_INVALID_ARG_VALUE" }, raised(dgram.once, a, "x", { time = 1 }))
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, raised(dgram.once, a, "x", { signal = 1 }))
    helper.has({ code = "ERR_OUT_OF_RANGE" }, raised(dgram.once, a, "x", { timeout = -1 }))
    helper.has({ code = "ERR_INVALID_ARG_TYPE", message = 'The "event" argument must be '
      .. "a string or another value. Received nil" }, raised(dgram.once, a))
    assert.equal(0, a:listenerCount("error"))
  end)

  it("is over for a coroutine that was closed, as every wait is", function()
    if not coroutine.close then pending("coroutine.close is of Lua 5.4") end
    if inside.luv_adapter().suspend then pending("this host has coroutines of its own") end
    helper.run(function()
      local a, callback = server(), nil
      for _, wait in ipairs {
        function() dgram.once(a, "x") end,
        function() dgram.once(a, "y", { timeout = 1 }) end,
        function() dgram.sleep(1) end,
        function() dgram.await(function(each) callback = each end) end,
      } do
        local thread = coroutine.create(wait)
        assert(coroutine.resume(thread))
        coroutine.close(thread)
      end
      callback()
      a:emit("x")
      helper.wait(function() return select(2, inside.waiting(a)) == 0 end)
      helper.pass(2)
      assert_nothing_waits(a)
      a:close()
    end)
  end)
end)

describe("dgram.on", function()
  -- Reads an iterator to its end, in every version of Lua.
  local function all(events)
    local list, value = {}, events()
    while value ~= nil do
      list[#list + 1] = value
      value = events()
    end
    return list
  end

  it("iterates over what comes, until the socket is closed", function()
    straight(function()
      local a, port = server()
      local events = dgram.on(a, "message")
      beside(function()
        for i = 1, 3 do
          a:send(tostring(i), port, "127.0.0.1")
          dgram.sleep(1)
        end
        dgram.sleep(5)
        a:close()
      end)
      assert.same({ "1", "2", "3" }, all(events))
      assert.is_nil(events())
      assert_nothing_waits(a)
    end)
  end)

  it("serves a for, and break ends it in Lua 5.4", function()
    if OLD then pending("a for cannot wait in Lua 5.1") end
    straight(function()
      local a, port = server()
      local got
      a:send("x", port, "127.0.0.1")
      for msg, rinfo in dgram.on(a, "message") do
        got = msg .. rinfo.size
        if got then break end
      end
      assert.equal("x1", got)
      if coroutine.close then assert_nothing_waits(a) end
      a:removeAllListeners()
      a:close()
    end)
  end)

  it("keeps what came before the end, and events without arguments are true", function()
    straight(function()
      local a = dgram.createSocket("udp4")
      local events = dgram.on(a, "drain", { close = { "listening", "close" } })
      a:emit("drain")
      a:emit("drain", "path", 2)
      a:emit("listening")
      assert.equal(0, a:listenerCount("drain"))
      assert.is_true(events())
      assert.same({ "path", 2 }, { events() })
      assert.is_nil(events())
      a:close()
    end)
  end)

  it("has ended when the socket was closed before", function()
    straight(function()
      local a = server()
      a:close()
      assert.is_nil(dgram.on(a, "message")())
      assert.is_nil(dgram.on(a, "message", { close = {} })())
      assert_nothing_waits(a)
      local events = dgram.on(a, "close")
      assert.is_true(events())
      assert.is_nil(events())
      assert_nothing_waits(a)
    end)
  end)

  it("ends at close(), also for those who wait", function()
    straight(function()
      local a, ended = server(), 0
      local events = dgram.on(a, "message")
      for _ = 1, 2 do
        beside(function()
          assert.is_nil(events())
          ended = ended + 1
        end)
      end
      events:close()
      events:close()
      dgram.sleep(1)
      assert.equal(2, ended)
      assert_nothing_waits(a)
      a:close()
    end)
  end)

  it("raises what 'error' brings, behind what came before, and has ended", function()
    helper.run(function()
      local a = server():unref()
      local events, mine = dgram.on(a, "message"), {}
      a:emit("message", "x")
      a:emit("error", mine)
      assert.equal("x", dgram.run(function() return (events()) end))
      assert.equal(mine, raised(events))
      assert.is_nil(dgram.run(events))
      assert_nothing_waits(a)
      local waiting = dgram.on(a, "message")
      dgram.async(function()
        dgram.sleep(1)
        a:emit("error", mine)
      end)()
      assert.equal(mine, raised(waiting))
      a:close()
    end)
  end)

  it("raises an abort", function()
    helper.run(function()
      local a, controller = server():unref(), dgram.AbortController()
      local events = dgram.on(a, "message", { signal = controller.signal })
      controller:abort()
      helper.has({ code = "ABORT_ERR" }, raised(events))
      assert_nothing_waits(a)
      assert.equal(0, #controller.signal.listeners)
      helper.has({ code = "ABORT_ERR" },
        raised(dgram.on, a, "message", { signal = controller.signal }))
      a:close()
    end)
  end)

  it("pauses and resumes the socket by its marks", function()
    straight(function()
      local a, port = server()
      local calls = {}
      local events = dgram.on(a, "message", { highWaterMark = 3, lowWaterMark = 2 })
      function a.pause(self) calls[#calls + 1] = "pause" return dgram.Socket.pause(self) end
      function a.resume(self) calls[#calls + 1] = "resume" return dgram.Socket.resume(self) end
      local sent = traffic.numbered(10)
      a:sendMany(sent, port, "127.0.0.1")
      dgram.sleep(10)
      assert.same({ "pause" }, calls)
      local got = {}
      for i = 1, 10 do got[i] = events() end
      assert.same(sent, got)
      assert.equal("resume", calls[2])
      a:sendMany(sent, port, "127.0.0.1")
      dgram.sleep(10)
      assert.equal("pause", calls[#calls])
      events:close()
      assert.equal("resume", calls[#calls])
      assert.equal("1", events())
      a:close()
    end)
  end)

  it("pauses again a socket that somebody else has resumed", function()
    helper.run(function()
      local a, port = server()
      local heard, events = {}, dgram.on(a, "message", { highWaterMark = 3 })
      a:on("message", function(msg) heard[#heard + 1] = msg end)
      a:sendMany(traffic.numbered(10), port, "127.0.0.1")
      for count = 4, 9 do
        helper.fill(heard, count)
        assert.equal(count, #heard)
        assert.equal(count, events.last - events.first + 1)
        a:resume()
      end
      a:close()
    end)
  end)

  it("serves emitters that cannot pause", function()
    straight(function()
      local emitter = {}
      for name, method in pairs(require "dgram.emitter") do emitter[name] = method end
      local events = dgram.on(emitter, "x", { highWaterMark = 1 })
      for i = 1, 3 do emitter:emit("x", i) end
      emitter:emit("close")
      assert.same({ 1, 2, 3 }, all(events))
    end)
  end)

  it("checks its arguments", function()
    local a = dgram.createSocket("udp4")
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, raised(dgram.on, a, "x", { close = 1 }))
    helper.has({ code = "ERR_OUT_OF_RANGE" }, raised(dgram.on, a, "x", { highWaterMark = 0 }))
    helper.has({ code = "ERR_OUT_OF_RANGE" }, raised(dgram.on, a, "x", { lowWaterMark = 0 }))
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, raised(dgram.on, a))
    assert.equal(0, a:listenerCount("x"))
    assert.equal(0, a:listenerCount("error"))
  end)
end)

describe("an emitter that is not as it should be", function()
  -- Makes an emitter that counts its listeners; on is called with each.
  local function emitter(on)
    local made = { count = 0 }
    function made:on(event, listener)
      self.count = self.count + 1
      on(event, listener)
    end
    function made:removeListener() self.count = self.count - 1 end
    return made
  end

  -- Makes a signal likewise.
  local function signal(add)
    local made = { aborted = false, count = 0 }
    function made:addEventListener(_, listener)
      self.count = self.count + 1
      add(listener)
    end
    function made:removeEventListener() self.count = self.count - 1 end
    return made
  end

  local function nothing() end
  local function raise() error("mine", 0) end
  local function at_once(_, listener) listener("now") end

  it("calls listeners while it adds them", function()
    if OLD then pending("a pcall cannot wait in Lua 5.1") end
    helper.run(function()
      dgram.run(function()
        local a = emitter(at_once)
        assert.same({ false, "now" }, { pcall(dgram.once, a, "x", { timeout = 1000 }) })
        local b = emitter(at_once)
        local events = dgram.on(b, "x")
        assert.same({ false, "now" }, { pcall(events) })
        assert.is_nil(events())
        local c, stop = emitter(nothing), signal(function(listener) listener() end)
        for _, event in ipairs { "x", "error" } do
          helper.has({ code = "ABORT_ERR" },
            helper.raised(dgram.once, c, event, { signal = stop }))
        end
        assert.same({ 0, 0, 0, 0 }, { a.count, b.count, c.count, stop.count })
        assert.equal(0, #inside.scheduler(dgram.createSocket("udp4")).timers)
      end)
    end)
  end)

  it("raises when a listener is removed", function()
    local loop, errors = traffic.surviving()
    helper.run(function()
      local socket = server { type = "udp4", loop = loop }
      local done = helper.expect()
      dgram.async(function()
        assert.equal("came", dgram.once(socket, "x", { timeout = 1000 }))
        socket:close()
        done()
      end)()
      socket:on("removeListener", function(event)
        if event == "x" then raise() end
      end)
      socket:emit("x", "came")
      for _, event in ipairs { "x", "error", "close" } do
        assert.equal(0, socket:listenerCount(event))
      end
    end)
    assert.same({ "mine" }, errors)
  end)

  it("raises when a listener is added", function()
    if OLD then pending("a pcall cannot wait in Lua 5.1") end
    helper.run(function()
      dgram.run(function()
        for _, wait in ipairs { dgram.once, dgram.on } do
          local socket = server()
          socket:once("newListener", function() socket:once("newListener", raise) end)
          assert.equal("mine", helper.raised(wait, socket, "message"))
          assert_nothing_waits(socket)
          assert.equal("mine", helper.raised(wait, socket, "x", { signal = signal(raise) }))
          assert_nothing_waits(socket)
          socket:close()
        end
      end)
    end)
  end)
end)

describe("where nothing can wait", function()
  local calls = {
    receive = function(socket) socket:receive() end,
    sleep = function() dgram.sleep(1) end,
    await = function(socket) dgram.await(socket.send, socket, "x", 9) end,
    once = function(socket) dgram.once(socket, "message") end,
    on = function(socket) dgram.on(socket, "message")() end,
  }
  for name, call in pairs(calls) do
    it(name .. " says what to do, and leaves nothing behind", function()
      helper.run(function()
        local socket, timer, err = server(), uv.new_timer(), nil
        timer:start(0, 0, function() err = select(2, pcall(call, socket)) end)
        helper.wait(function() return err end)
        helper.has({ code = "ERR_NOT_IN_COROUTINE" }, err)
        if not OLD then
          assert.truthy(err.message:find("dgram.run(fn) or dgram.async(fn) runs, or use a callback",
            1, true))
        end
        socket:removeAllListeners("message")
        socket:removeAllListeners("close")
        socket:removeAllListeners("error")
        assert_nothing_waits(socket)
        helper.close(timer, socket)
      end)
    end)
  end

  it("finds out by the stack where the language does not tell", function()
    local compat = require "dgram.compat"
    local isyieldable = coroutine.isyieldable -- luacheck: ignore
    local function asked(call) -- luacheck: ignore
      local told
      coroutine.isyieldable = nil -- luacheck: ignore
      call(function() told = { compat.yieldable() } end)
      coroutine.isyieldable = isyieldable -- luacheck: ignore
      return told
    end
    assert.is_true(asked(function(ask) coroutine.wrap(function() ask() end)() end)[1])
    for _, passable in ipairs(_VERSION == "Lua 5.1" and {} or { pcall, xpcall }) do
      assert.is_true(asked(function(ask)
        coroutine.wrap(function() passable(ask, error) end)()
      end)[1])
    end
    local told = asked(function(ask)
      coroutine.wrap(function() table.sort({ 1, 2 }, function() ask() end) end)()
    end)
    assert.is_false(told[1])
    assert.truthy(told[2]:find("another function of C", 1, true))
  end)

  it("says that Lua 5.1 cannot wait in pcall or for", function()
    if not OLD then pending("this Lua can") end
    straight(function()
      local a = server()
      local _, err = pcall(a.receive, a)
      helper.has({ code = "ERR_NOT_IN_COROUTINE" }, err)
      assert.truthy(err.message:find("pcall", 1, true))
      assert_nothing_waits(a)
      a:close()
    end)
    local err = helper.raised(dgram.run, function()
      local a = dgram.createSocket("udp4")
      for _ in dgram.on(a, "message") do a:close() end
    end)
    assert.truthy(err.message:find("while", 1, true))
  end)

  it("a sort cannot wait, and nothing is left behind", function()
    helper.run(function()
      local a = server()
      dgram.async(function()
        local ok = pcall(table.sort, { 1, 2 }, function() a:receive(1) end)
        assert.is_false(ok)
      end)()
      helper.pass(5)
      assert_nothing_waits(a)
      a:close()
    end)
  end)

  it("a coroutine of one host cannot wait for the loop of another", function()
    local host = inside.poll_loop.new()
    host.suspend, host.resume = coroutine.yield, function() end
    function host.running() return coroutine.running() ~= nil end
    helper.run(function()
      local there = dgram.createSocket { type = "udp4", loop = host }
      local here = server()
      local ok, err = coroutine.resume(coroutine.create(function() here:receive() end))
      assert.is_false(ok)
      helper.has({ code = "ERR_NOT_IN_COROUTINE" }, err)
      assert.truthy(err.message:find("another loop", 1, true))
      function host.running() return false, "not here" end
      ok, err = coroutine.resume(coroutine.create(function() there:receive() end))
      assert.is_false(ok)
      assert.equal("not here", err.message)
      helper.close(here, there)
      host.run()
    end)
  end)
end)

describe("an adapter with coroutines of its own", function()
  it("suspends, resumes and spawns", function()
    local host, log, mine = inside.poll_loop.new(), {}, {}
    local function note(what) log[#log + 1] = what end
    local function step(thread, ...)
      local ok, err = coroutine.resume(thread, ...)
      if not ok then error(err, 0) end
    end
    function host.running() return mine[coroutine.running()] ~= nil end
    function host.suspend(wait)
      note "suspend"
      wait.host = coroutine.running()
      while not wait.resumed do coroutine.yield("host's own") end
    end
    function host.resume(wait)
      note "resume"
      step(wait.host)
    end
    function host.waits(wait) return mine[wait.host] end
    function host.spawn(fn, ...)
      note "spawn"
      local thread = coroutine.create(fn)
      mine[thread] = true
      step(thread, ...)
    end
    dgram.async(function()
      local a, port = server { type = "udp4", loop = host }
      a:send("x", port, "127.0.0.1")
      assert.equal("x", (a:receive(1000)))
      dgram.sleep(1)
      dgram.await(a.close, a)
    end, host)()
    host.run()
    assert.same({ "spawn", "suspend", "resume", "suspend", "resume", "suspend", "resume" }, log)
  end)
end)
