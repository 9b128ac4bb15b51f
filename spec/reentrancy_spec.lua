-- Listeners and callbacks that close, send, raise or turn the loop themselves,
-- in the middle of a burst: nothing is lost, repeated or out of order.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local poll_loop = inside.poll_loop
local traffic = require "spec.support.traffic"
local uv = require "luv"

local unpack = table.unpack or unpack

local COUNT, MIDDLE = 100, 10

-- How the datagrams of a burst look: equal ones travel as trains, others alone.
local shapes = {
  ["a burst of equal datagrams"] = function(i) return ("%05d"):format(i) end,
  ["a burst of odd datagrams"] = function(i) return i .. ("."):rep(i * 7 % 19) end,
}

-- The burst as a list of messages.
local function burst(shape)
  local list = {}
  for i = 1, COUNT do list[i] = shape(i) end
  return list
end

-- Sends the burst to a socket at once; the sender closes when it is out.
local function send_burst(socket, list)
  local sender = dgram.createSocket("udp4")
  for i = 1, #list do sender:send(list[i], socket:address().port) end
  sender:close()
end

-- The entries of a list from one place to another.
local function slice(list, first, last)
  local part = {}
  for i = first, last do part[#part + 1] = list[i] end
  return part
end

-- A bound socket whose listener calls act(socket, listener) at one message.
local function acting(act, adapter)
  local socket = traffic.sender { type = "udp4", loop = adapter }
  local heard = {}
  local function listener(msg)
    heard[#heard + 1] = msg
    if #heard == MIDDLE then act(socket, listener) end
  end
  socket:on("message", listener)
  return socket, heard
end

for name, shape in pairs(shapes) do
  describe("in a 'message' listener, in " .. name, function()
      it("close ends the delivery at once", function()
      helper.run(function()
        local list = burst(shape)
        local socket, heard = acting(function(socket) socket:close() end)
        socket:on("close", helper.expect(function()
          assert.same(slice(list, 1, MIDDLE), heard)
        end))
        send_burst(socket, list)
      end)
    end)

    it("a listener that removes itself hears no more", function()
      helper.run(function()
        local list, rest = burst(shape), nil
        local socket, heard = acting(function(socket, listener)
          socket:off("message", listener)
          rest = helper.listen(socket)
        end)
        send_burst(socket, list)
        helper.wait(function() return rest and #rest == COUNT - MIDDLE end)
        assert.same(slice(list, 1, MIDDLE), heard)
        assert.same(slice(list, MIDDLE + 1, COUNT), rest)
        socket:close()
      end)
    end)

    it("what nobody listens to is dropped, and what comes later is heard", function()
      helper.run(function()
        local socket, heard = acting(function(socket) socket:removeAllListeners() end)
        send_burst(socket, burst(shape))
        helper.wait(function() return #heard == MIDDLE end)
        helper.wait(function() return socket:stats().received == COUNT end)
        local later = helper.listen(socket)
        socket:send("later", socket:address().port)
        assert.same({ "later" }, helper.fill(later))
        assert.equal(MIDDLE, #heard)
        socket:close()
      end)
    end)

    it("send answers every datagram, in order", function()
      helper.run(function()
        local list = burst(shape)
        local client, answers = helper.bound("udp4")
        local server, sent = dgram.createSocket("udp4"), 0
        server:on("message", function(msg, rinfo)
          server:send(msg, rinfo.port, rinfo.address, function(err, bytes)
            assert.is_nil(err)
            assert.equal(#msg, bytes)
            sent = sent + 1
          end)
        end)
        local port = server:bindSync({ address = "127.0.0.1" }).port
        for _, msg in ipairs(list) do client:send(msg, port) end
        helper.fill(answers, COUNT)
        helper.wait(function() return sent == COUNT end)
        assert.same(list, helper.messages(answers))
        helper.close(client, server)
      end)
    end)

    it("a nested turn of the loop repeats and loses nothing", function()
      helper.need_nested_runs(pending)
      helper.run(function()
        local list = burst(shape)
        local socket, heard = acting(function() uv.run("nowait") end)
        send_burst(socket, list)
        helper.fill(heard, COUNT)
        assert.same(list, heard)
        socket:close()
      end)
    end)

    it("nested turns at every message repeat and lose nothing", function()
      helper.need_nested_runs(pending)
      helper.run(function()
        local list, heard = burst(shape), {}
        local socket = traffic.sender()
        socket:on("message", function(msg)
          heard[#heard + 1] = msg
          uv.run("nowait")
        end)
        send_burst(socket, list)
        helper.fill(heard, COUNT)
        assert.same(list, heard)
        socket:close()
      end)
    end)

    it("close and a nested turn of the loop end the delivery", function()
      helper.need_nested_runs(pending)
      helper.run(function()
        local socket, heard = acting(function(socket)
          socket:close()
          uv.run("nowait")
        end)
        socket:on("close", helper.expect())
        send_burst(socket, burst(shape))
        helper.wait(function() return #heard == MIDDLE end)
      end)
    end)

    it("after a raise the rest is delivered later, in order", function()
      helper.run(function()
        local list, adapter, errors = burst(shape), traffic.surviving()
        local socket, heard = acting(function() error("in the middle", 0) end, adapter)
        local sender = uv.new_udp()
        for _, msg in ipairs(list) do
          assert(sender:try_send(msg, "127.0.0.1", socket:address().port))
        end
        helper.fill(errors)
        assert.truthy(tostring(errors[1]):find("in the middle", 1, true))
        assert.equal(MIDDLE, #heard)
        helper.fill(heard, COUNT)
        assert.equal(1, #errors)
        assert.same(list, heard)
        helper.close(sender, socket)
      end)
    end)
  end)
end

describe("a raise in a plain program", function()
  -- Runs a script that raises; returns its exit status and its output.
  local function outcome(code)
    return Child.code([[
      local a, b = dgram.createSocket("udp4"), dgram.createSocket("udp4")
      local port = a:bindSync({ address = "127.0.0.1" }).port
    ]] .. code .. [[ uv.run()]]):outcome()
  end

  -- What raises, and what the output must tell.
  local cases = {
    ["in 'message'"] = [[
      a:on("message", function() error("the reason") end)
      b:send("x", port) ]],
    ["in 'message', as a table"] = [[
      a:on("message", function()
        error(setmetatable({}, { __tostring = function() return "the reason" end }))
      end)
      b:send("x", port) ]],
    ["in 'listening'"] = [[ a:on("listening", function() error("the reason") end) ]],
    ["in the callback of send"] = [[
      b:send("x", port, function() error("the reason") end) ]],
    ["in 'close'"] = [[ a:close(function() error("the reason") end) ]],
    ["in 'connect'"] = [[ b:connect(port, function() error("the reason") end) ]],
    ["in the callback of a lookup"] = [[
      b:send("x", port, "localhost", function() error("the reason") end) ]],
  }

  for name, code in pairs(cases) do
    it(name .. " ends it and tells why", function()
      helper.run(function()
        local status, output = outcome(code)
        assert.equal(255, status, output)
        assert.truthy(output:find("the reason", 1, true), output)
      end)
    end)
  end

  it("tells of an 'error' nobody listens to", function()
    helper.run(function()
      local status, output = outcome([[ b:bind(port, "127.0.0.1") ]])
      assert.equal(255, status, output)
      assert.truthy(output:find("bind EADDRINUSE 127.0.0.1:", 1, true), output)
    end)
  end)
end)

-- A function that notes its first argument in a list, and raises.
local function raising(list)
  return function(value)
    list[#list + 1] = value or true
    error("reason " .. #list)
  end
end

describe("a host that survives errors", function()
  local adapter, errors, heard, server, port
  before_each(function() adapter, errors = traffic.surviving() end)

  -- Runs a spec beside a server that listens.
  local function run(body)
    helper.run(function()
      heard = {}
      server = helper.bound("udp4")
      port = server:address().port
      body(dgram.createSocket { type = "udp4", loop = adapter })
      server:close()
    end)
  end

  it("gets every message, although each listener raises", function()
    run(function(socket)
      socket:on("message", raising(heard))
      local own, list = socket:bindSync({ address = "127.0.0.1" }).port, {}
      for i = 1, COUNT do
        list[i] = tostring(i)
        server:send(list[i], own)
      end
      helper.fill(heard, COUNT)
      assert.same(list, heard)
      assert.equal(COUNT, #errors)
      socket:close()
    end)
  end)

  it("gets what a listener sent before it raised, and the next send leaves at once", function()
    run(function(socket)
      local own = socket:bindSync({ address = "127.0.0.1" }).port
      local client, inbox = helper.bound("udp4")
      socket:once("message", function(_, rinfo)
        socket:send("answer", rinfo.port, rinfo.address)
        socket:pause()
        error("reason")
      end)
      for i = 1, 2 do client:send("ask " .. i, own, "127.0.0.1") end
      helper.fill(inbox)
      assert.equal(1, #errors)
      socket:send("more", port, "127.0.0.1")
      assert.equal(0, socket:getSendQueueCount())
      helper.close(socket, client)
    end)
  end)

  it("gets every completion, although each callback raises", function()
    run(function(socket)
      for _ = 1, COUNT do socket:send("x", port, raising(heard)) end
      helper.fill(heard, COUNT)
      helper.wait(function() return #errors == COUNT end)
      socket:close()
    end)
  end)

  it("gets every completion of a socket that closes, although each callback raises",
    function()
      run(function(socket)
        for _ = 1, COUNT do socket:send("x", port, raising(heard)) end
        socket:close(helper.expect(function() assert.equal(COUNT, #heard) end))
        helper.fill(heard, COUNT)
      end)
    end)

  it("gets every completion of looked up sends, although each callback raises", function()
    traffic.need_resolver(pending)
    run(function(socket)
      for _ = 1, 10 do
        socket:send("x", port, "localhost", raising(heard))
        socket:send("x", port, "nobody.invalid", raising(heard))
      end
      helper.fill(heard, 20)
      socket:close()
    end)
  end)

  it("gets every completion of a failed bind, although listener and callbacks raise",
    function()
      run(function(socket)
        socket:on("error", raising(heard))
        socket:bind(port, "127.0.0.1")
        local answers = {}
        local late = dgram.createSocket { type = "udp4", loop = adapter,
          lookup = function(_, _, done) done("no") end }
        late:on("error", raising(heard))
        for _ = 1, 10 do late:send("x", port, raising(answers)) end
        helper.fill(answers, 10)
        helper.fill(heard, 2)
        socket:bind(0, "127.0.0.1", helper.expect(function() socket:close() end))
        late:close()
      end)
    end)

  for _, event in ipairs { "listening", "connect", "close" } do
    it("has a socket that works, although '" .. event .. "' raises", function()
      run(function(socket)
        local inbox = helper.listen(server)
        socket:on(event, raising(heard))
        socket:connect(port)
        helper.wait(function() return pcall(socket.remoteAddress, socket) end)
        socket:send("x", helper.expect())
        socket:close()
        helper.fill(inbox)
        helper.wait(function() return #errors == 1 end)
        assert.equal(1, #heard)
      end)
    end)
  end

  it("has a socket that works, although a lookup raises", function()
    run(function()
      local socket = dgram.createSocket { type = "udp4", loop = adapter,
        lookup = function() error "reason 1" end }
      socket:on("error", helper.expect(function(err)
        assert.truthy(tostring(err):find("reason 1", 1, true))
        socket:close()
      end))
      socket:bind()
    end)
  end)

  it("hears of an 'error' nobody listens to, and can bind again", function()
    run(function(socket)
      socket:bind(port, "127.0.0.1")
      helper.fill(errors)
      socket:bind(0, "127.0.0.1", helper.expect(function() socket:close() end))
    end)
  end)
end)

describe("pause", function()
  it("in a 'message' listener stops the delivery, resume goes on in order", function()
    helper.run(function()
      local list = burst(tostring)
      local socket, heard = acting(function(socket) socket:pause() end)
      send_burst(socket, list)
      helper.fill(heard, MIDDLE)
      for _ = 1, 5 do uv.run("nowait") end
      assert.equal(MIDDLE, #heard)
      socket:resume()
      helper.fill(heard, COUNT)
      assert.same(list, heard)
      socket:close()
    end)
  end)

  it("and close in a 'message' listener close", function()
    helper.run(function()
      local socket, heard = acting(function(socket)
        socket:pause()
        socket:close()
      end)
      socket:on("close", helper.expect(function() assert.equal(MIDDLE, #heard) end))
      send_burst(socket, burst(tostring))
    end)
  end)

  it("and resume in a 'message' listener, with a turn between, change nothing", function()
    helper.need_nested_runs(pending)
    helper.run(function()
      local list = burst(tostring)
      local socket, heard = acting(function(socket)
        socket:pause()
        uv.run("nowait")
        socket:resume()
      end)
      send_burst(socket, list)
      helper.fill(heard, COUNT)
      assert.same(list, heard)
      socket:close()
    end)
  end)
end)

describe("an answer that waits for those to the rest of its batch", function()
  it("goes out when the listener turns the loop", function()
    helper.need_nested_runs(pending)
    helper.run(function()
      local server, port = traffic.sender()
      local client, inbox = helper.bound("udp4")
      server:once("message", helper.expect(function(_, rinfo)
        server:send("answer", rinfo.port, rinfo.address)
        assert.equal(1, server:getSendQueueCount())
        repeat uv.run("once") until inbox[1]
      end))
      for i = 1, 3 do client:send("ask " .. i, port, "127.0.0.1") end
      helper.fill(inbox)
      helper.close(server, client)
    end)
  end)
end)

describe("close", function()
  it("inside 'listening' closes", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      socket:on("close", helper.expect())
      socket:bind(0, "127.0.0.1", helper.expect(function() socket:close() end))
    end)
  end)

  it("inside 'connect' closes", function()
    helper.run(function()
      local server = helper.bound("udp4")
      local socket = dgram.createSocket("udp4")
      socket:on("close", helper.expect(function() server:close() end))
      socket:connect(server:address().port, helper.expect(function()
        socket:close()
      end))
    end)
  end)

  it("inside the callback of send forgets no other callback", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4")
      local socket, port = dgram.createSocket("udp4"), server:address().port
      socket:on("close", helper.expect())
      for i = 1, 20 do
        socket:send(tostring(i), port, helper.expect(function(err)
          assert.is_nil(err)
          if i == 3 then socket:close() end
        end))
      end
      helper.fill(inbox, 20)
      server:close()
    end)
  end)

  it("inside 'error' closes", function()
    helper.run(function()
      local server = helper.bound("udp4")
      local socket = dgram.createSocket("udp4")
      socket:on("close", helper.expect(function() server:close() end))
      socket:on("listening", helper.expect(0))
      socket:on("error", helper.expect(function(err)
        assert.equal("EADDRINUSE", err.code)
        socket:close()
      end))
      socket:bind(server:address().port, "127.0.0.1")
    end)
  end)

  it("inside the callback of a failed send closes", function()
    helper.run(function()
      local socket = helper.bound("udp4")
      socket:on("close", helper.expect())
      socket:send(("x"):rep(65508), 9, helper.expect(function(err)
        assert.equal("EMSGSIZE", err.code)
        socket:close()
      end))
    end)
  end)

  it("inside a lookup forgets no callback", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4")
      local socket
      socket = dgram.createSocket({ type = "udp4", lookup = function(host, _, done)
        if host == "closing.test" then socket:close() end
        done(nil, "127.0.0.1")
      end })
      socket:on("close", helper.expect())
      socket:bind(0, "127.0.0.1")
      socket:send("x", server:address().port, "closing.test",
        helper.sent(1))
      assert.same({ "x" }, helper.messages(helper.fill(inbox)))
      server:close()
    end)
  end)

  it("inside 'close' of another socket closes both", function()
    helper.run(function()
      local a, b = helper.bound("udp4"), helper.bound("udp4")
      b:on("close", helper.expect())
      a:close(helper.expect(function() b:close() end))
    end)
  end)

  it("inside another socket's 'message' stops that delivery", function()
    helper.run(function()
      local a, heard = helper.bound("udp4")
      local b = helper.bound("udp4")
      b:once("message", function() a:close() end)
      b:on("close", helper.expect())
      local closed
      a:on("close", helper.expect(function() closed = #heard end))
      local port_a, port_b = a:address().port, b:address().port
      local sender = dgram.createSocket("udp4")
      for i = 1, COUNT do
        sender:send("to a " .. i, port_a)
        sender:send("to b " .. i, port_b)
      end
      helper.wait(function() return closed end)
      uv.run("nowait")
      assert.equal(closed, #heard)
      helper.close(sender, b)
    end)
  end)

  it("is possible in the middle of an emit to many listeners", function()
    helper.run(function()
      local socket = helper.bound("udp4")
      socket:on("message", helper.expect(function() socket:close() end))
      socket:on("message", helper.expect())
      socket:on("close", helper.expect())
      socket:send("x", socket:address().port)
    end)
  end)
end)

describe("a bind inside 'error'", function()
  it("is possible: the socket is unbound again", function()
    helper.run(function()
      local server = helper.bound("udp4")
      local socket = dgram.createSocket("udp4")
      socket:on("error", helper.expect(function()
        socket:bind(0, "127.0.0.1", helper.expect(function()
          helper.close(socket, server)
        end))
      end))
      socket:bind(server:address().port, "127.0.0.1", helper.expect(0))
    end)
  end)
end)

describe("a chain of callbacks that send again", function()
  it("lets timers run", function()
    helper.run(function()
      local server = helper.bound("udp4")
      local socket, port, over = dgram.createSocket("udp4"), server:address().port, false
      local function again()
        if not over then socket:send("x", port, again) end
      end
      for _ = 1, 256 do again() end
      local timer = uv.new_timer()
      timer:start(1, 0, helper.expect(function()
        over = true
        helper.close(timer, socket, server)
      end))
    end)
  end)
end)

describe("a finalizer that closes the socket", function()
  it("while the next datagram is made ends the delivery at once", function()
    if _VERSION < "Lua 5.4" or not pcall(collectgarbage, "generational") then
      pending("needs a collector that ends its work in one step")
    end
    helper.run(function()
      local socket, closed = traffic.sender(), false
      socket:on("message", helper.expect(function()
        assert.is_false(closed)
        collectgarbage("stop")
        setmetatable({}, { __gc = function()
          closed = true
          socket:close()
        end })
        collectgarbage("restart") -- the next allocation is the next datagram's
      end))
      send_burst(socket, burst(shapes["a burst of odd datagrams"]))
      helper.wait(function() return closed end)
    end)
    collectgarbage("incremental")
  end)
end)

-- Has the collector end its work in one step, or not.
local function hurry(yes)
  if _VERSION < "Lua 5.4" then collectgarbage("setstepmul", yes and 1000000 or 200)
  else collectgarbage(yes and "generational" or "incremental") end
end

-- Calls a function when the next thing that can be collected is allocated.
local function on_next_allocation(fn)
  collectgarbage()
  hurry(true)
  collectgarbage("stop")
  if newproxy then getmetatable(newproxy(true)).__gc = fn -- luacheck: ignore
  else setmetatable({}, { __gc = fn }) end
  collectgarbage("restart")
end

describe("a finalizer", function()
  local loop
  before_each(function() loop = poll_loop.new() end)
  after_each(function() hurry(false) end)

  local function bound(port)
    local socket = dgram.createSocket { type = "udp4", loop = loop, gro = false }
    local ok = pcall(socket.bindSync, socket, { address = "127.0.0.1", port = port })
    if ok then return socket, socket:address().port end
    socket:close()
  end

  -- Turns the loop until it is empty.
  local function close_all(...)
    helper.close(...)
    loop.run()
  end

  it("finds no event that an iterator is just about to keep", function()
    local socket = bound()
    local events, ran, found, msg = dgram.on(socket, "message"), false, nil, nil
    on_next_allocation(function()
      if not ran then ran, found, msg = true, pcall(events) end
    end)
    socket:emit("message", "x")
    assert.is_true(ran)
    if not found then -- it came before; some collectors end their work later
      assert.equal("ERR_NOT_IN_COROUTINE", msg.code)
      msg = events()
    end
    assert.equal("x", msg)
    close_all(socket)
  end)

  it("may close the socket whose datagram is copied, and others", function()
    local paused, paused_port = bound()
    local socket, port = bound()
    local sender = bound()
    for _ = 1, 5 do sender:send("x", paused_port, "127.0.0.1") end
    sender:flush()
    local closed, late = false, 0
    paused:on("message", function() paused:pause() end)
    helper.wait(function() loop.run("nowait") return paused:stats().received > 0 end)
    socket:on("message", function()
      if closed then late = late + 1 return end
      on_next_allocation(function()
        if closed then return end
        closed = true
        paused:close() -- the memory it read into is kept for the next
        socket:close() -- so this one's is freed
      end)
    end)
    for _ = 1, 5 do sender:send(("y"):rep(1000), port, "127.0.0.1") end
    helper.wait(function() loop.run("nowait") return closed end)
    close_all(sender)
    assert.equal(0, late)
  end)

  it("that sends changes no other datagram's destination", function()
    local one, port = bound()
    local two, step = nil, 0
    while not two do -- ports whose difference is a multiple of the cache's slots
      step = step + 256
      if port + step < 65536 then two = bound(port + step) end
      if not two and port - step > 1023 then two = bound(port - step) end
    end
    local other_port, heard, sent = two:address().port, {}, false
    one:on("message", function(msg) heard[#heard + 1] = "one " .. msg end)
    two:on("message", function(msg) heard[#heard + 1] = "two " .. msg end)
    local sender, other = bound(), bound()
    other:send("a", other_port, "127.0.0.1")
    sender:send("b", port, "127.0.0.1")
    loop.run("nowait")
    local function note() sent = true end
    on_next_allocation(function() other:send("c", other_port, "127.0.0.1") end)
    sender:send("d", port, "127.0.0.1", note)
    helper.wait(function() loop.run("nowait") return sent and #heard >= 4 end)
    close_all(one, two, sender, other)
    table.sort(heard)
    assert.same({ "one b", "one d", "two a", "two c" }, heard)
  end)
end)

-- Calls a function when a finalizer may run for the n-th time from now on, or soon
-- after: memory that is taken is seen between two instructions, and the next that is
-- taken is too late for the collector not to run. Returns a function that ends the
-- wait, and tells whether there was an n-th time.
local function on_allocation(n, fn)
  local count, over = 0, false
  local function act()
    if not over then fn() end
    over = true
  end
  collectgarbage("stop")
  local last = collectgarbage("count")
  debug.sethook(function()
    local now = collectgarbage("count")
    if now > last then count = count + 1 end
    last = now
    if count < n then return end
    debug.sethook()
    on_next_allocation(act)
  end, "", 1)
  return function()
    debug.sethook()
    hurry(false)
    collectgarbage("restart")
    over = true
    return count >= n
  end
end

local MANY = {} -- more than maxQueue lets wait
for i = 1, 8 do MANY[i] = ("x"):rep(400) end

-- What a finalizer may come between: the socket's type, and the call, which is given
-- a callback. Returns how many answers that is owed, and for how many datagrams.
local interrupted = {
  ["a bind"] = { "udp4", function(s) s:bind(0, "127.0.0.1") end },
  ["bindSync"] = { "udp4", function(s) s:bindSync { address = "127.0.0.1" } end },
  ["a bind of unix"] = { "unix_dgram", function(s) s:bind() end },
  ["a connect"] = { "udp4", function(s) s:connect(9, "127.0.0.1") end },
  ["connectSync"] = { "udp4", function(s) s:connectSync(9, "127.0.0.1") end },
  ["the connect of unix"] = { "unix_dgram", function(s) s:connect("\0nobody") end },
  ["a send"] = { "udp4", function(s, told)
    s:bindSync { address = "127.0.0.1" }
    s:send("a", 9, "127.0.0.1", told)
    return 1
  end },
  ["the send of an unbound socket"] = { "udp4", function(s, told)
    s:send("a", 9, "127.0.0.1", told)
    return 1
  end },
  ["a send by name"] = { "udp4", function(s, told)
    s:bindSync { address = "127.0.0.1" }
    s:send("a", 9, "name", told)
    return 1
  end },
  ["sends by name"] = { "udp4", function(s, told)
    s:send("a", 9, "name", told)
    return pcall(s.send, s, "b", 9, "name", told) and 2 or 1
  end },
  ["a send of strings"] = { "unix_dgram", function(s, told)
    s:send({ "a" }, "\0nobody", told)
    return 1
  end },
  ["a reply with options"] = { "udp4", function(s, told)
    s:bindSync { address = "127.0.0.1" }
    s:reply("a", { address = "name", port = 9 }, {}, told)
    return 1
  end },
  ["sendMany"] = { "udp4", function(s, told)
    s:sendMany({ "a", "bc" }, 9, "127.0.0.1", told)
    return 1, 2
  end },
  ["sendMany that is too many"] = { "udp4", function(s, told)
    s:bindSync { address = "127.0.0.1" }
    s:sendMany(MANY, 9, "127.0.0.1", function(err, count)
      told()
      MANY.refused = err and #MANY - count
    end)
    return 1, #MANY
  end },
}

-- Answers all lookups.
local function answer_all(loop)
  while loop.answers[1] do table.remove(loop.answers, 1)() end
end

-- What the finalizer does there.
local interruptions = {
  ["closes it and turns the loop"] = function(socket, loop)
    socket:close()
    for _ = 1, 3 do loop.run("nowait") end
  end,
  ["answers lookups and turns the loop"] = function(_, loop)
    answer_all(loop)
    loop.run("nowait")
  end,
  ["sends and turns the loop"] = function(socket, loop)
    for _, host in ipairs { "127.0.0.1", "name" } do
      local to = socket.type == "udp4" and { 9, host } or { "\0nobody" }
      to[#to + 1] = function(err) loop.refused = loop.refused + (err and 1 or 0) end
      local ok = pcall(socket.send, socket, "z", unpack(to))
      loop.more = loop.more + (ok and 1 or 0)
    end
    loop.run("nowait")
  end,
  ["stops and resumes, and turns the loop"] = function(socket, loop)
    socket:pause():resume()
    loop.run("nowait")
  end,
}

-- What a call says then: the socket is closed, or another bound it.
local EXCUSES = { ERR_SOCKET_DGRAM_NOT_RUNNING = true, ERR_SOCKET_ALREADY_BOUND = true }

-- Makes a call that something comes between at the n-th time; returns whether there
-- was one.
local function interrupt(n, kind, call, act)
  local loop, told, closed, late = poll_loop.new(), 0, 0, false
  loop.answers, loop.more, loop.refused, MANY.refused = {}, 0, 0, nil
  local socket = dgram.createSocket { type = kind, loop = loop, linger = 0, maxQueue = 1000,
    lookup = function(_, _, callback)
      local function answer() callback(nil, "127.0.0.1") end
      loop.answers[#loop.answers + 1] = answer
    end }
  for _, event in ipairs { "listening", "connect", "error" } do
    socket:on(event, function(err)
      late = late or closed > 0 or err ~= nil and err.syscall == "bind"
    end)
  end
  socket:on("close", function() closed = closed + 1 end)
  local finish = on_allocation(n, function() act(socket, loop) end)
  local ok, owed, datagrams = pcall(call, socket, function() told = told + 1 end)
  answer_all(loop)
  loop.run("nowait")
  local reached = finish()
  if not ok then
    assert.is_true(EXCUSES[owed.code])
    owed = 0
  end
  answer_all(loop)
  pcall(socket.close, socket)
  loop.run()
  assert.same({ owed or 0, 1, false }, { told, closed, late })
  local stats = socket:stats()
  assert.equal(0, stats.queued)
  assert.equal((datagrams or owed or 0) + loop.more, stats.sent + stats.sendErrors)
  if MANY.refused then
    assert.equal(stats.sendErrors, MANY.refused + loop.refused)
  end
  return reached
end

describe("a finalizer that", function()
  for what, act in pairs(interruptions) do
    for name, row in pairs(interrupted) do
      it(what .. ", wherever it comes in " .. name .. ": nothing is lost", function()
        if _VERSION < "Lua 5.4" then
          pending("needs a collector that ends its work in one step")
        end
        local n = 1
        while interrupt(n, row[1], row[2], act) do n = n + 1 end
        assert.is_true(n > 5)
      end)
    end
  end
end)

-- As a finalizer might, in there.
describe("a loop that closes the socket while it makes a handle", function()
  it("leaves none behind", function()
    if not inside.watches_lanes() then pending("no epoll: no peer is watched") end
    local loop, asked, number = poll_loop.new(), 0, nil
    local poll = loop.poll
    local peer = dgram.createSocket { type = "unix_dgram", loop = loop }
    local socket = dgram.createSocket { type = "unix_dgram", loop = loop, linger = 0 }
    local path = peer:bindSync { path = helper.path() }.address
    peer:pause()
    function loop.poll(fd, callback)
      asked = asked + 1
      if asked == 1 then
        number = fd
        helper.close(socket, peer)
        for _ = 1, 3 do loop.run("nowait") end
      end
      return poll(fd, callback)
    end
    while asked == 0 do
      socket:send("x", path)
      socket:flush()
    end
    loop.run()
    assert.is_false(loop.alive())
    assert.truthy(poll(number, function() end), "a handle is left")
  end)
end)

-- As a finalizer may that runs while an adapter starts a handle.
describe("a loop that is turned while a turn is asked for", function()
  it("is turned again for the 'drain' that is due then", function()
    local loop, drains, asked = poll_loop.new(), 0, nil
    local idle = loop.idle
    function loop.idle(callback)
      local handle = idle(callback)
      local start = handle.start
      function handle:start()
        start(self)
        if asked ~= false then return end
        asked = true
        loop.run("nowait")
        start(self)
      end
      return handle
    end
    local socket = dgram.createSocket { type = "udp4", loop = loop, highWaterMark = 1 }
    socket:on("drain", function() drains = drains + 1 end)
    socket:bindSync { address = "127.0.0.1" }
    loop.run("nowait")
    asked = false
    assert.is_false(socket:send("x", 9, "127.0.0.1"))
    assert.same({ true, 0 }, { asked, drains })
    loop.run("nowait")
    assert.equal(1, drains)
    socket:close()
    loop.run()
  end)
end)

describe("a lookup that answers and closes the socket", function()
  local loop, told
  local function tell() told = told + 1 end
  before_each(function() loop, told = poll_loop.new(), 0 end)

  it("when a send binds leaves nothing behind that send said yes to", function()
    local socket
    socket = dgram.createSocket { type = "udp4", loop = loop,
      lookup = function(_, _, answer)
        answer(nil, "127.0.0.1")
        socket:close()
      end }
    socket:send("a", 9, "127.0.0.1", tell)
    loop.run()
    assert.same({ 1, 0 }, { told, socket:stats().queued })
  end)

  it("waits for what else goes on after the bind", function()
    local socket, bind
    socket = dgram.createSocket { type = "udp4", loop = loop, linger = 0,
      lookup = function(host, _, answer)
        if host == "any" then bind = answer return end
        answer(nil, "127.0.0.1")
        if host == "name" then socket:close() end
      end }
    socket:bind(0, "any")
    for _, host in ipairs { "name", "127.0.0.1", "127.0.0.1" } do
      socket:send("a", 9, host, tell)
    end
    bind(nil, "127.0.0.1")
    loop.run()
    assert.same({ 3, 3 }, { told, socket:stats().sent })
  end)
end)

describe("a listener of 'newListener' that raises", function()
  it("when a bind ends takes nothing from what else waited for it", function()
    local loop, answer, completions = poll_loop.new(), nil, 0
    local socket = dgram.createSocket {
      type = "udp4", loop = loop, lookup = function(_, _, callback) answer = callback end,
    }
    local function count() completions = completions + 1 end
    socket:bind(0, "name")
    socket:send("a", 9, "127.0.0.1", count)
    socket:connect(9, "127.0.0.1", function() end)
    socket:send("b", 9, "127.0.0.1", count)
    socket:on("newListener", function(event)
      if event == "connect" then error("as it likes", 0) end
    end)
    answer(nil, "127.0.0.1")
    assert.equal("as it likes", helper.raised(loop.run))
    socket:close()
    loop.run()
    assert.equal(2, completions)
  end)
end)

describe("a task of the scheduler", function()
  it("is not looked for when a finalizer has just run it", function()
    -- Lua 5.1 may run finalizers in any pcall; here one of those that find out whether
    -- a task can be called stands for it.
    local loop, told, rawequal = poll_loop.new(), {}, rawequal
    local socket = dgram.createSocket { type = "udp4", loop = loop }
    local scheduler = inside.scheduler(socket)
    local function finalize(...)
      rawset(_G, "rawequal", rawequal)
      loop.run("nowait")
      return rawequal(...)
    end
    scheduler:defer(function() rawset(_G, "rawequal", finalize) end)
    for i = 1, 3 do scheduler:defer(function() told[i] = (told[i] or 0) + 1 end) end
    socket:close()
    loop.run()
    assert.same({ 1, 1, 1 }, told)
  end)
end)

describe("a datagram whose rinfo the facade makes, as on LuaJIT", function()
  local make = require "dgram.deliver"

  -- Runs a body with a loop on which a function stands before that which makes rinfo:
  -- it is where a finalizer may run. `around` is called with the socket.
  local function with_loop(around, body)
    local jit = rawget(_G, "jit")
    rawset(_G, "jit", jit or true)
    package.loaded["dgram.deliver"] = function(socket, ...)
      around(socket)
      return make(socket, ...)
    end
    local loop = poll_loop.new()
    local socket, port = traffic.sender { type = "udp4", loop = loop } -- makes its scheduler
    package.loaded["dgram.deliver"] = make
    rawset(_G, "jit", jit)
    local heard = {}
    socket:on("message", function(msg, rinfo)
      heard[#heard + 1] = msg
      assert.same({ address = "127.0.0.1", family = "IPv4", size = #msg, port = port }, rinfo)
      if msg == "5" and not socket._closed then socket:close() end
    end)
    for i = 1, 5 do socket:send(tostring(i), port, "127.0.0.1") end
    body(loop, socket, heard)
  end

  it("has the four fields", function()
    with_loop(function() end, function(loop, socket, heard)
      loop.run()
      assert.same(traffic.numbered(5), heard)
      assert.equal(5, socket:stats().received)
    end)
  end)

  it("is kept when a finalizer pauses the socket meanwhile", function()
    local count = 0
    with_loop(function(socket)
      count = count + 1
      if count == 3 then socket:pause() end
    end, function(loop, socket, heard)
      loop.run()
      assert.same(traffic.numbered(2), heard)
      assert.equal(2, socket:stats().received)
      socket:resume()
      loop.run()
      assert.same(traffic.numbered(5), heard)
    end)
  end)

  it("does not come when a finalizer closes the socket meanwhile", function()
    with_loop(function(socket) socket:close() end, function(loop, _, heard)
      loop.run()
      assert.same({}, heard)
    end)
  end)

  it("is not overtaken when a finalizer runs the loop meanwhile", function()
    local loop
    with_loop(function(socket)
      if socket.woken then return end
      socket.woken = true
      socket:send("wakes the socket", socket:address().port, "127.0.0.1")
      socket:flush()
      loop.run("nowait")
    end, function(own, _, heard)
      loop = own
      loop.run()
      assert.same(traffic.numbered(5), heard)
    end)
  end)

  it("is not overtaken either when a listener runs the loop, or raised", function()
    local loop
    local function wake(socket)
      socket:send("wakes the socket", socket:address().port, "127.0.0.1")
      socket:flush()
      loop.run("nowait")
    end
    local woken = 0
    with_loop(function(socket)
      woken = woken + 1
      if woken == 2 or woken == 4 then wake(socket) end
    end, function(own, socket, heard)
      loop = own
      socket:once("message", function() wake(socket) end)
      socket:on("message", function(msg) if msg == "3" then error("on purpose", 0) end end)
      assert.equal("on purpose", helper.raised(loop.run))
      loop.run()
      assert.same(traffic.numbered(5), heard)
    end)
  end)

  it("leaves a listener that runs the loop to hear the next meanwhile", function()
    with_loop(function() end, function(loop, socket, heard)
      socket:once("message", function()
        socket:send("wakes the socket", socket:address().port, "127.0.0.1")
        socket:flush()
        while #heard == 1 do loop.run("nowait") end
      end)
      loop.run()
      assert.same(traffic.numbered(5), heard)
    end)
  end)
end)

describe("a send by name", function()
  it("is looked up when a finalizer sends by that name just then", function()
    -- Lua 5.1 may run finalizers in any pcall; here that which asks stands for it.
    local loop, asked, told, pcall = poll_loop.new(), 0, {}, pcall
    local socket = dgram.createSocket { type = "udp4", loop = loop,
      lookup = function(_, _, answer)
        asked = asked + 1
        answer(nil, "127.0.0.1")
      end }
    socket:bindSync { address = "127.0.0.1" }
    local function send(msg)
      socket:send(msg, 9, "name", function() told[#told + 1] = msg end)
    end
    local function finalize(fn, self, line, ...)
      if type(line) == "table" and line.name == "name" then
        rawset(_G, "pcall", pcall)
        send("b")
      end
      return pcall(fn, self, line, ...)
    end
    rawset(_G, "pcall", finalize)
    send("a")
    loop.run("nowait")
    assert.same({ 2, { "a", "b" } }, { asked, told })
    socket:close()
    loop.run()
  end)
end)

describe("a finalizer that comes in the middle of what LuaJIT has compiled", function()
  it("leaves the timers in their order", function()
    local timers, added, taken, over, last = inside.new_timers(), 0, 0, false, 0
    local function act()
      for _ = 1, 2 do
        added = added + 1
        timers:add({}, added * 7919 % 101)
      end
      if timers:take(60) then taken = taken + 1 end
    end
    local function finalize() if not over then act() end end
    for _ = 1, 3000 do
      traffic.plant(finalize)
      act()
    end
    over = true
    local entry = timers:take(101)
    while entry do
      assert.is_true(entry.due >= last)
      taken, last = taken + 1, entry.due
      entry = timers:take(101)
    end
    assert.equal(added, taken)
  end)

  it("takes no task from the loop's turn", function()
    local child = Child.lua("-e", [[
      local dgram, traffic = require "dgram", require "spec.support.traffic"
      local inside = require "spec.support.inside"
      local loop, deferred, done, failure = inside.poll_loop.new(), 0, 0, nil
      local scheduler = inside.scheduler(dgram.createSocket { type = "udp4", loop = loop })
      if jit then jit.opt.start("hotloop=2", "hotexit=1") end
      local function defer(task)
        deferred = deferred + 1
        scheduler:defer(task)
      end
      local function turn()
        local ok, err = pcall(loop.run, "nowait")
        failure = failure or not ok and err
      end
      local function finalize()
        defer(function() done = done + 1 end)
        turn()
      end
      for round = 1, 10000 do
        for _ = 1, round % 7 do
          defer(function()
            done = done + 1
            local made = { round }
            traffic.plant(finalize)
            return made
          end)
        end
        traffic.plant(finalize)
        turn()
      end
      turn()
      print(deferred - done, failure)
      os.exit(true)
    ]])
    assert.equal("0\tfalse", child:line())
    child:wait()
  end)
end)
