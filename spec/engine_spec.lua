-- The batching engine: trains and what refuses them, verdicts, the share of
-- time it leaves to others, and what is left when a batch is cut short.
local Child = require "spec.child"
local dgram = require "dgram"
local helper = require "spec.helper"
local uv = require "luv"

local ROOM = 4 * 1024 * 1024 -- or what the system grants
local BUDGET = 1024 -- datagrams a wake-up delivers, and what its last batch holds
local LARGEST_BATCH = 32 * 64

-- Binds a socket to loopback; returns it, the list of what it hears, its port.
local function receiver(options)
  local socket, heard = dgram.createSocket(options or "udp4"), {}
  socket:on("message", function(msg) heard[#heard + 1] = msg end)
  local port = socket:bindSync({ address = "127.0.0.1" }).port
  socket:setRecvBufferSize(ROOM)
  return socket, heard, port
end

-- Binds a socket that sends from loopback and hears nothing.
local function sender(options)
  local socket = dgram.createSocket(options or "udp4")
  socket:bindSync({ address = "127.0.0.1" })
  return socket
end

local function close_all(...)
  for _, socket in ipairs { ... } do socket:close() end
end

-- Numbers in no order, the same in every run.
local function random(seed)
  return function(limit)
    seed = (seed * 16807) % 2147483647
    return seed % limit
  end
end

-- How many turns the loop takes in so many milliseconds.
local function turns_in(milliseconds)
  local turns, over = 0, false
  local prepare, timer = uv.new_prepare(), uv.new_timer()
  prepare:start(function() turns = turns + 1 end)
  timer:start(milliseconds, 0, function() over = true end)
  helper.wait(function() return over end)
  prepare:close()
  timer:close()
  return turns
end

-- Whether this build and kernel make trains, and cut them.
local function favours()
  local socket = sender()
  local stats = socket:stats()
  socket:close()
  uv.run("nowait")
  return stats.gso > 0 and stats.gro > 0
end

describe("a burst", function()
  local COUNT = 300 -- more than one flush, less than a small receive buffer
  local any_size, any_place = random(42), random(7)

  -- The size of the i-th datagram.
  local sizes = {
    ["of equal datagrams"] = function() return 64 end,
    ["of empty datagrams"] = function() return 0 end,
    ["whose trains end with a shorter one"] = function(i)
      return i % 10 == 0 and 7 or 64
    end,
    ["whose trains end with a longer one"] = function(i)
      return i % 10 == 0 and 65 or 64
    end,
    ["with nothing in between"] = function(i) return i % 5 == 0 and 0 or 50 end,
    ["that grows"] = function(i) return i % 200 end,
    ["that shrinks"] = function(i) return 200 - i % 200 end,
    ["of one byte or none"] = function(i) return i % 2 end,
    ["of any sizes"] = function()
      return ({ 0, 1, 50, 50, 50, 51, 200 })[any_size(7) + 1]
    end,
  }

  -- Which of three receivers the i-th datagram is for.
  local places = {
    ["to one"] = function() return 1 end,
    ["to three in turn"] = function(i) return i % 3 + 1 end,
    ["to three in runs"] = function(i) return math.floor(i / 7) % 3 + 1 end,
    ["to three at random"] = function() return any_place(3) + 1 end,
  }

  -- Sends COUNT datagrams; each place and each callback hears of its own, in
  -- order.
  local function check(size, place, favoured)
    local sockets, heard, ports = {}, {}, {}
    local sent, verdicts = { {}, {}, {} }, {}
    for i = 1, 3 do
      sockets[i], heard[i], ports[i] = receiver { type = "udp4", gro = favoured }
    end
    local client = sender { type = "udp4", gso = favoured }
    for i = 1, COUNT do
      local msg, to = string.char(33 + i % 90):rep(size(i)), place(i)
      table.insert(sent[to], msg)
      client:send(msg, ports[to], "127.0.0.1", i % 3 ~= 0 and function(err, bytes)
        verdicts[#verdicts + 1] = not err and bytes == #msg and i
      end or nil)
    end
    for i = 1, 3 do
      helper.wait(function() return #heard[i] >= #sent[i] end)
      assert.same(sent[i], heard[i])
    end
    helper.wait(function() return #verdicts == COUNT / 3 * 2 end)
    for i, number in ipairs(verdicts) do
      assert.equal(math.floor((i - 1) / 2) * 3 + (i - 1) % 2 + 1, number)
    end
    assert.equal(COUNT, client:stats().sent)
    close_all(client, sockets[1], sockets[2], sockets[3])
  end

  for kind, size in pairs(sizes) do
    for where, place in pairs(places) do
      it(("%s, %s, arrives as it was sent"):format(kind, where), function()
        helper.run(function()
          check(size, place, true)
          check(size, place, false)
        end)
      end)
    end
  end

  it("of the largest datagrams arrives as it was sent", function()
    helper.run(function()
      local server, heard, port = receiver()
      local client, sent = sender(), {}
      for i, size in ipairs { 65507, 1, 1, 32753, 32753, 32754, 32754, 65507 } do
        sent[i] = tostring(i):rep(size)
        client:send(sent[i], port, "127.0.0.1")
        client:flush()
        helper.fill(heard, math.max(i - 2, 1))
      end
      helper.fill(heard, #sent)
      for i, msg in ipairs(sent) do assert.is_true(msg == heard[i], "number " .. i) end
      close_all(client, server)
    end)
  end)
end)

describe("of 100 000 datagrams", function()
  local COUNT = 100000

  -- How they are sent: all at once, or while send() returns true.
  local ways = {
    ["sent at once"] = function(send) repeat until send() == nil end,
    ["sent with backpressure"] = function(send, socket)
      local function go_on() repeat until not send() end
      socket:on("drain", go_on)
      go_on()
    end,
  }

  for way, start in pairs(ways) do
    it(way .. " each has its callback, once, in order, never inside send", function()
      helper.run(function()
        local server, _, port = receiver()
        local client, inside = sender { type = "udp4", highWaterMark = 100000 }, false
        local sent, told, wrong = 0, 0, 0
        server:removeAllListeners("message")
        -- Sends the next one; nil when there is none.
        local function send()
          if sent == COUNT then return nil end
          sent = sent + 1
          local number = sent
          inside = true
          local below = client:send("0123456789", port, "127.0.0.1", function(err, bytes)
            told = told + 1
            if err or bytes ~= 10 or number ~= told or inside then wrong = wrong + 1 end
          end)
          inside = false
          return below
        end
        start(send, client)
        helper.wait(function() return told >= COUNT end)
        assert.same({ COUNT, COUNT, 0 }, { sent, told, wrong })
        assert.equal(COUNT, client:stats().sent)
        close_all(client, server)
      end)
    end)
  end
end)

describe("of a burst in which some are refused", function()
  local COUNT = 200

  -- What may be wrong with a datagram: the payload, the address; the errors.
  local faults = {
    ["too large"] = { payload = ("x"):rep(65508), errors = { EMSGSIZE = true } },
    ["for a broadcast address"] = { address = "255.255.255.255",
      errors = { EACCES = true } },
    ["for a net that 127.0.0.1 cannot reach"] = { address = "192.0.2.1",
      errors = { EINVAL = true, ENETUNREACH = true } },
  }

  -- Which ones are wrong.
  local patterns = {
    ["the first"] = function(i) return i == 1 end,
    ["the second"] = function(i) return i == 2 end,
    ["the last"] = function(i) return i == COUNT end,
    ["one in the middle"] = function(i) return i == 100 end,
    ["every third"] = function(i) return i % 3 == 0 end,
    ["all but every third"] = function(i) return i % 3 ~= 0 end,
    ["a run in the middle"] = function(i) return i >= 60 and i < 135 end,
    ["all"] = function() return true end,
  }

  for fault, wrong in pairs(faults) do
    for which, is_wrong in pairs(patterns) do
      it(("(%s, %s) each is told its own verdict"):format(which, fault), function()
        helper.run(function()
          local server, heard, port = receiver()
          local client = sender()
          local trains, sent, order = client:stats().gso, {}, {}
          for i = 1, COUNT do
            local bad = is_wrong(i)
            local msg = bad and wrong.payload or ("%03d"):format(i)
            if not bad then sent[#sent + 1] = msg end
            client:send(msg, port, bad and wrong.address or "127.0.0.1",
              function(err, bytes)
                local right = not err
                if bad then right = err and wrong.errors[err.code] end
                order[#order + 1] = right and bytes == #msg and i
              end)
          end
          helper.fill(order, COUNT)
          for i, number in ipairs(order) do assert.equal(i, number) end
          helper.wait(function() return #heard == #sent end)
          assert.same(sent, heard)
          helper.has({ sent = #sent, sendErrors = COUNT - #sent, gso = trains,
            queued = 0, queuedBytes = 0, remoteErrors = 0 }, client:stats())
          close_all(client, server)
        end)
      end)
    end
  end
end)

describe("to a closed port", function()
  -- A port that nobody listens on, and a socket that is connected to it.
  local function refused()
    local nobody = sender()
    local port, client = nobody:address().port, dgram.createSocket("udp4")
    client:connectSync(port)
    nobody:close()
    helper.wait(function() return not nobody:fileno() end)
    uv.run("nowait")
    return client, port
  end

  it("all is sent, errors are counted, and nobody has to listen", function()
    helper.run(function()
      local client = refused()
      for _ = 1, 100 do
        client:send("x", helper.expect(function(err) assert.is_nil(err) end))
      end
      helper.wait(function() return client:stats().remoteErrors > 0 end)
      assert.is_true(turns_in(50) < 40, "a pending error keeps the loop busy")
      helper.has({ sent = 100, sendErrors = 0, queued = 0 }, client:stats())
      client:close()
    end)
  end)

  it("a listener hears ECONNREFUSED, not more often than it was counted", function()
    helper.run(function()
      local client, errors = refused(), 0
      client:on("error", function(err)
        errors = errors + 1
        assert.equal("ECONNREFUSED", err.code)
      end)
      for _ = 1, 10 do client:send("x") end
      helper.wait(function() return errors > 0 end)
      assert.is_true(turns_in(50) < 40, "a pending error keeps the loop busy")
      assert.is_true(errors <= client:stats().remoteErrors)
      client:close()
    end)
  end)

  it("a paused socket with a pending error does not spin", function()
    helper.run(function()
      local client = refused()
      client:pause()
      client:send("x", helper.expect())
      assert.is_true(turns_in(50) < 40, "a pending error keeps the loop busy")
      client:resume()
      assert.is_true(turns_in(50) < 40, "a pending error keeps the loop busy")
      client:close()
    end)
  end)

  it("what follows arrives once somebody listens there", function()
    helper.run(function()
      local client, port = refused()
      client:send("lost", helper.expect(function(err) assert.is_nil(err) end))
      local server, heard = dgram.createSocket("udp4"), {}
      server:on("message", function(msg) heard[#heard + 1] = msg end)
      server:bindSync { port = port, address = "127.0.0.1" }
      for i = 1, 50 do
        client:send(tostring(i), helper.expect(function(err) assert.is_nil(err) end))
      end
      helper.fill(heard, 50)
      for i, msg in ipairs(heard) do assert.equal(tostring(i), msg) end
      close_all(client, server)
    end)
  end)

  it("what others are sent by the same socket arrives", function()
    helper.run(function()
      local server, heard, port = receiver()
      local nobody = sender()
      local closed, client = nobody:address().port, sender()
      nobody:close()
      helper.wait(function() return not nobody:fileno() end)
      for i = 1, 100 do
        client:send("x", closed, "127.0.0.1", helper.expect())
        client:send(tostring(i), port, "127.0.0.1",
          helper.expect(function(err) assert.is_nil(err) end))
      end
      helper.fill(heard, 100)
      for i, msg in ipairs(heard) do assert.equal(tostring(i), msg) end
      close_all(client, server)
    end)
  end)
end)

-- A script for another process, in a file.
local function script(text)
  local path = helper.path()
  local file = assert(io.open(path, "w"))
  file:write('local dgram, uv = require "dgram", require "luv"\n', text)
  file:close()
  return path
end

-- Runs a command whose output does not matter to its end.
local function complete(command, ...)
  local child = Child.start(command, ...)
  return child:wait()
end

-- Whether a command is there and works here.
local function works(command)
  local status = os.execute(command .. " >/dev/null 2>&1")
  return status == true or status == 0
end

-- The lines of a file.
local function lines_of(path)
  local list = {}
  for line in io.lines(path) do list[#list + 1] = line end
  return list
end

-- Traces the system calls of a script; returns their lines.
local function trace(calls, ...)
  local path = helper.path()
  assert.equal(0, complete("strace", "-f", "-qq", "-e", "signal=none",
    "-e", "trace=" .. calls, "-o", path, ...))
  return lines_of(path)
end

-- How many lines match.
local function count(lines, pattern)
  local found = 0
  for _, line in ipairs(lines) do
    if line:find(pattern) then found = found + 1 end
  end
  return found
end

-- Makes the spec pending where there are no trains, or no way to count calls.
local function need_trains(traced)
  if not favours() then pending("this build or kernel makes no trains") end
  if traced and not works "strace -o /dev/null true" then
    pending("strace does not work here")
  end
end

describe("system calls", function()
  after_each(Child.stop_all)

  -- 640 datagrams to itself: options, and the most calls that should take.
  local budgets = {
    ["with trains"] = { options = "", send = 6, receive = 12 },
    ["without trains"] = { options = "gso = false, gro = false", send = 14,
      receive = 30 },
    ["with trains, cut by the kernel"] = { options = "gro = false", send = 6,
      receive = 30 },
  }

  for name, budget in pairs(budgets) do
    it("are few " .. name, function()
      need_trains(true)
      helper.run(function()
        local lines = trace("sendmmsg,recvmmsg", uv.exepath(), script(([[
          local socket = dgram.createSocket { type = "udp4", %s }
          local port = socket:bindSync({ address = "127.0.0.1" }).port
          socket:setRecvBufferSize(4 * 1024 * 1024)
          local heard = 0
          socket:on("message", function()
            heard = heard + 1
            if heard == 640 then socket:close() end
          end)
          for _ = 1, 640 do socket:send("0123456789", port, "127.0.0.1") end
          uv.run()]]):format(budget.options)))
        local sent, received = count(lines, "sendmmsg"), count(lines, "recvmmsg")
        assert.is_true(sent > 0 and sent <= budget.send, sent .. " calls to send")
        assert.is_true(received > 0 and received <= budget.receive,
          received .. " calls to receive")
      end)
    end)
  end
end)

describe("a socket that takes no trains (SO_NO_CHECK)", function()
  after_each(Child.stop_all)

  -- Adopts the socket that is standard input; sends 150 datagrams twice, then
  -- what it learnt.
  local SENDER = [[
    local socket = dgram.createSocket("udp4")
    socket:bind { fd = 0 }
    local before, failed = socket:stats().gso, 0
    local function burst(done)
      local left = 150
      for i = 1, left do
        socket:send(("%%03d"):format(i):rep(20), %d, "127.0.0.1", function(err)
          left = left - 1
          if err then failed = failed + 1 end
          if left == 0 then done() end
        end)
      end
    end
    burst(function() burst(function()
      socket:send(("%%d %%d %%d"):format(before, socket:stats().gso, failed),
        %d, "127.0.0.1", function() socket:close() end)
    end) end)
    uv.run()
  ]]

  -- What starts the sender with such a socket.
  local function command(port)
    local path = script(SENDER:format(port, port))
    return "socat", "UDP4-DATAGRAM:127.0.0.1:9,bind=127.0.0.1:0,so-no-check",
      ("EXEC:%s %s,nofork"):format(uv.exepath(), path)
  end

  -- Asserts that all came, in order, and that the sender has learnt.
  local function check(heard)
    helper.fill(heard, 301)
    for i = 1, 300 do
      assert.equal(("%03d"):format((i - 1) % 150 + 1):rep(20), heard[i])
    end
    assert.equal("64 0 0", heard[301])
  end

  it("sends one by one, loses nothing, and remembers", function()
    need_trains()
    if not works "command -v socat" then pending("socat is not installed") end
    helper.run(function()
      local server, heard, port = receiver()
      assert.equal(0, complete(command(port)))
      check(heard)
      server:close()
    end)
  end)

  it("is asked once", function()
    need_trains(true)
    if not works "command -v socat" then pending("socat is not installed") end
    helper.run(function()
      local server, heard, port = receiver()
      local lines = trace("sendmmsg", command(port))
      check(heard)
      assert.equal(1, count(lines, "EINVAL"))
      server:close()
    end)
  end)
end)

describe("a path whose packets are small", function()
  after_each(Child.stop_all)

  -- Sends trains of datagrams that do not fit the link, then of some that do.
  local SENDER = [[
    local socket = dgram.createSocket("udp4")
    local port = socket:bindSync({ address = "127.0.0.1" }).port
    socket:setRecvBufferSize(4 * 1024 * 1024)
    local sizes, got, failed = { 3000, 3000, 1000 }, 0, 0
    local function burst(round)
      local size = sizes[round]
      if not size then return socket:close() end
      local left, due = 40, got + 40
      local function check()
        if left == 0 and got == due then burst(round + 1) end
      end
      socket:removeAllListeners("message")
      socket:on("message", function(msg)
        assert(#msg == size and tonumber(msg:sub(1, 2)) == got % 40 + 10)
        got = got + 1
        check()
      end)
      for i = 0, 39 do
        local text = tostring(i + 10)
        socket:send(text .. ("x"):rep(size - 2), port, "127.0.0.1", function(err)
          assert(not err, err)
          left = left - 1
          check()
        end)
      end
    end
    burst(1)
    uv.run()
    assert(got == 120)
    assert(socket:stats().gso > 0, "trains are given up")
  ]]
  local LINK = "unshare -rn sh -c 'ip link set lo mtu 1500 up && exec \"$0\" \"$@\"' "

  it("takes large datagrams one by one, and small ones as trains", function()
    need_trains()
    if not works(LINK .. "true") then pending("no network namespaces") end
    helper.run(function()
      local path = script(SENDER)
      assert.equal(0, complete("sh", "-c", LINK .. uv.exepath() .. " " .. path))
    end)
  end)
end)

describe("under a flood from another process", function()
  after_each(Child.stop_all)

  -- Sends as fast as it can until it is ended, 10 seconds at most.
  local FLOOD = [[
    local socket, list = dgram.createSocket("udp4"), {}
    for i = 1, 500 do list[i] = ("x"):rep(64) end
    socket:connectSync(%d)
    local function flood() socket:sendMany(list, flood) end
    uv.new_timer():start(10000, 0, function() os.exit(1) end)
    flood()
    uv.run()
  ]]

  -- Binds a socket, starts the flood, and calls body(socket) when it is there.
  local function flooded(body)
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      local port = socket:bindSync({ address = "127.0.0.1" }).port
      socket:on("message", function() end)
      local child = Child.start(uv.exepath(), script(FLOOD:format(port)))
      helper.wait(function() return socket:stats().received > 10000 end)
      body(socket)
      child:stop()
      socket:close()
    end, 10)
  end

  it("a timer of 10 ms comes within 20", function()
    flooded(function(socket)
      local waits, timer = {}, uv.new_timer()
      local before = socket:stats().received
      local function measure()
        uv.update_time()
        local start = uv.hrtime()
        timer:start(10, 0, function()
          waits[#waits + 1] = (uv.hrtime() - start) / 1e6
          if #waits < 41 then measure() end
        end)
      end
      measure()
      helper.fill(waits, 41)
      timer:close()
      table.sort(waits)
      assert.is_true(waits[21] <= 20, waits[21] .. " ms")
      assert.is_true(socket:stats().received - before > 10000, "it was no flood")
    end)
  end)

  it("a turn of the loop delivers no more than its budget", function()
    flooded(function(socket)
      local most, last, turns = 0, socket:stats().received, 0
      local prepare = uv.new_prepare()
      prepare:start(function()
        local now = socket:stats().received
        most, last, turns = math.max(most, now - last), now, turns + 1
      end)
      helper.wait(function() return turns == 300 end)
      prepare:close()
      assert.is_true(most > 0 and most < BUDGET + LARGEST_BATCH, most .. " in a turn")
    end)
  end)

  it("other sockets have their turn", function()
    flooded(function()
      local other, heard, port = receiver()
      local client = sender()
      for i = 1, 20 do
        client:send(tostring(i), port, "127.0.0.1")
        helper.fill(heard, i)
      end
      close_all(other, client)
    end)
  end)
end)

describe("a chain", function()
  local ENOUGH = 1000000 -- calls, after which a chain ends although nothing else ran

  -- Chains that go on in their own callbacks, as long as go_on() says.
  local chains = {
    ["of callbacks of send"] = function(socket, port, go_on)
      local function again()
        if go_on() then socket:send("x", port, "127.0.0.1", again) end
      end
      for _ = 1, 256 do again() end
    end,
    ["of callbacks of sendMany"] = function(socket, port, go_on)
      local list = {}
      for i = 1, 256 do list[i] = "x" end
      local function again()
        if go_on() then socket:sendMany(list, port, "127.0.0.1", again) end
      end
      again()
    end,
    ["of sends with flush"] = function(socket, port, go_on)
      local function again()
        if not go_on() then return end
        socket:send("x", port, "127.0.0.1", again)
        socket:flush()
      end
      for _ = 1, 16 do again() end
    end,
    ["of 'drain'"] = function(socket, port, go_on)
      local function again()
        while go_on() and socket:send("x", port, "127.0.0.1") do end
      end
      socket:on("drain", again)
      again()
    end,
    ["of refused sends"] = function(socket, _, go_on)
      local function again()
        if go_on() then socket:send("x", 9, "255.255.255.255", again) end
      end
      for _ = 1, 16 do again() end
    end,
    ["of echoes"] = function(socket, port, go_on)
      socket:on("message", function(msg)
        if go_on() then socket:send(msg, port, "127.0.0.1") end
      end)
      for i = 1, 64 do socket:send(tostring(i), port, "127.0.0.1") end
    end,
  }

  for name, start in pairs(chains) do
    it(name .. " lets timers and other sockets have their turn", function()
      helper.run(function()
        local socket = sender { type = "udp4", highWaterMark = 20000 }
        local other, heard, port = receiver()
        local ticks, calls, ended, timer = 0, 0, false, uv.new_timer()
        timer:start(1, 1, function()
          ticks = ticks + 1
          other:send("tick", port, "127.0.0.1")
        end)
        start(socket, socket:address().port, function()
          calls = calls + 1
          ended = ticks >= 10 or calls >= ENOUGH
          return not ended
        end)
        helper.wait(function() return ended and #heard > 0 end)
        timer:close()
        assert.is_true(calls < ENOUGH, "nothing else had a turn")
        helper.wait(function() return socket:getSendQueueCount() == 0 end)
        close_all(socket, other)
      end)
    end)
  end
end)

describe("a batch that is cut short", function()
  local COUNT = 300 -- about ten batches of datagrams that do not ride together

  -- What a listener does at some of the datagrams.
  local acts = {
    ["by a pause"] = function(socket)
      socket:pause()
      local timer = uv.new_timer()
      timer:start(0, 0, function()
        timer:close()
        socket:resume()
      end)
    end,
    ["by a pause and resume"] = function(socket) socket:pause():resume() end,
    ["by a nested turn"] = function() uv.run("nowait") end,
    ["by a pause in a nested turn"] = function(socket)
      socket:pause()
      uv.run("nowait")
      socket:resume()
    end,
    ["by a raise"] = function() error("the listener raises", 0) end,
  }

  -- At which.
  local places = {
    ["the first"] = function(i) return i == 1 end,
    ["the last of a batch"] = function(i) return i % 32 == 0 end,
    ["the first of a batch"] = function(i) return i % 32 == 1 end,
    ["every one"] = function() return true end,
    ["every seventh"] = function(i) return i % 7 == 0 end,
  }

  -- An adapter like luv's own, of a host that survives errors.
  local function surviving()
    local luv, adapter = require("dgram.loop").luv(), {}
    local function survive(callback)
      return function(...) pcall(callback, ...) end
    end
    adapter.lookup = luv.lookup
    function adapter.poll(fd, callback) return luv.poll(fd, survive(callback)) end
    function adapter.idle(callback) return luv.idle(survive(callback)) end
    function adapter.timer(callback) return luv.timer(survive(callback)) end
    return adapter
  end

  for what, act in pairs(acts) do
    for where, is_place in pairs(places) do
      it(("%s at %s loses nothing and keeps the order"):format(what, where), function()
        helper.run(function()
          local socket = dgram.createSocket { type = "udp4", loop = surviving() }
          local sent, heard, raw = {}, {}, uv.new_udp()
          local port = socket:bindSync({ address = "127.0.0.1" }).port
          socket:setRecvBufferSize(ROOM)
          socket:on("message", function(msg)
            heard[#heard + 1] = msg
            if is_place(#heard) then act(socket) end
          end)
          for i = 1, COUNT do
            sent[i] = i .. ("."):rep(i % 3)
            assert(raw:try_send(sent[i], "127.0.0.1", port))
          end
          helper.fill(heard, COUNT)
          uv.run("nowait")
          assert.same(sent, heard)
          raw:close()
          helper.wait(function() return not socket._paused end)
          socket:close()
        end)
      end)
    end
  end

  for _, place in ipairs { 1, 31, 32, 33, 64, 65, COUNT } do
    it(("by close at number %d delivers no more"):format(place), function()
      helper.run(function()
        local socket, heard = dgram.createSocket("udp4"), 0
        local port = socket:bindSync({ address = "127.0.0.1" }).port
        local raw = uv.new_udp()
        socket:setRecvBufferSize(ROOM)
        socket:on("message", function()
          heard = heard + 1
          if heard == place then socket:close() end
        end)
        socket:on("close", helper.expect(function() assert.equal(place, heard) end))
        for i = 1, COUNT do
          assert(raw:try_send(("."):rep(i % 3), "127.0.0.1", port))
        end
        raw:close()
      end)
    end)
  end
end)
