-- The batching engine: trains and what refuses them, and a completion for each
-- datagram.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local receiver, sender, assert_rests =
  traffic.receiver, traffic.sender, traffic.assert_rests

-- Whether this build and kernel make trains, and cut them.
local function has_trains()
  local socket = sender()
  local stats = socket:stats()
  socket:close()
  uv.run("nowait")
  return stats.gso > 0 and stats.gro > 0
end

-- Numbers in no order, the same in every run.
local function random(seed)
  return function(limit)
    seed = (seed * 16807) % 2147483647
    return seed % limit
  end
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
  local function check(size, place, trains)
    local sockets, heard, ports = {}, {}, {}
    local sent, completions = { {}, {}, {} }, {}
    for i = 1, 3 do
      sockets[i], heard[i], ports[i] = receiver { type = "udp4", gro = trains }
      ports[i] = ports[i].port
    end
    local client = sender { type = "udp4", gso = trains }
    for i = 1, COUNT do
      local msg, to = string.char(33 + i % 90):rep(size(i)), place(i)
      table.insert(sent[to], msg)
      client:send(msg, ports[to], "127.0.0.1", i % 3 ~= 0 and function(err, bytes)
        completions[#completions + 1] = not err and bytes == #msg and i
      end or nil)
    end
    for i = 1, 3 do
      helper.wait(function() return #heard[i] >= #sent[i] end)
      assert.same(sent[i], heard[i])
    end
    helper.wait(function() return #completions == COUNT / 3 * 2 end)
    for i, number in ipairs(completions) do
      assert.equal(math.floor((i - 1) / 2) * 3 + (i - 1) % 2 + 1, number)
    end
    assert.equal(COUNT, client:stats().sent)
    helper.close(client, sockets[1], sockets[2], sockets[3])
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
      local server, heard, to = receiver()
      local client, sent = sender(), {}
      for i, size in ipairs { 65507, 1, 1, 32753, 32753, 32754, 32754, 65507 } do
        sent[i] = tostring(i):rep(size)
        client:send(sent[i], to.port, to.address)
        client:flush()
        helper.fill(heard, math.max(i - 2, 1))
      end
      helper.fill(heard, #sent)
      for i, msg in ipairs(sent) do assert.is_true(msg == heard[i], "number " .. i) end
      helper.close(client, server)
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
        local server, _, to = receiver()
        local client, inside = sender { type = "udp4", highWaterMark = 100000 }, false
        local sent, told, wrong = 0, 0, 0
        server:removeAllListeners("message")
        -- Sends the next one; nil when there is none.
        local function send()
          if sent == COUNT then return nil end
          sent = sent + 1
          local number = sent
          inside = true
          local below = client:send("0123456789", to.port, to.address, function(err, bytes)
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
        helper.close(client, server)
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
      it(("(%s, %s) each is told its own completion"):format(which, fault), function()
        helper.run(function()
          local server, heard, to = receiver()
          local client = sender()
          local trains, sent, order = client:stats().gso, {}, {}
          for i = 1, COUNT do
            local bad = is_wrong(i)
            local msg = bad and wrong.payload or ("%03d"):format(i)
            if not bad then sent[#sent + 1] = msg end
            client:send(msg, to.port, bad and wrong.address or "127.0.0.1",
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
          helper.close(client, server)
        end)
      end)
    end
  end
end)

describe("to a closed port", function()
  -- A port that nobody listens on, and a socket that is connected to it.
  local function refused()
    local port, client = traffic.closed_port(), dgram.createSocket("udp4")
    client:connectSync(port)
    return client, port
  end

  it("all is sent, errors are counted, and nobody has to listen", function()
    helper.run(function()
      local client = refused()
      for _ = 1, 100 do
        client:send("x", helper.sent())
      end
      helper.wait(function() return client:stats().remoteErrors > 0 end)
      assert_rests "a pending error"
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
      assert_rests "a pending error"
      assert.is_true(errors <= client:stats().remoteErrors)
      client:close()
    end)
  end)

  it("a paused socket with a pending error does not spin", function()
    helper.run(function()
      local client = refused()
      client:pause()
      client:send("x", helper.expect())
      assert_rests "a pending error"
      client:resume()
      assert_rests "a pending error"
      client:close()
    end)
  end)

  it("what follows arrives once somebody listens there", function()
    helper.run(function()
      local client, port = refused()
      client:send("lost", helper.sent())
      local server = dgram.createSocket("udp4")
      local heard = helper.listen(server)
      server:bindSync { port = port, address = "127.0.0.1" }
      for i = 1, 50 do
        client:send(tostring(i), helper.sent())
      end
      helper.fill(heard, 50)
      for i, msg in ipairs(heard) do assert.equal(tostring(i), msg) end
      helper.close(client, server)
    end)
  end)

  it("what others are sent by the same socket arrives", function()
    helper.run(function()
      local server, heard, to = receiver()
      local closed, client = traffic.closed_port(), sender()
      for i = 1, 100 do
        client:send("x", closed, "127.0.0.1", helper.expect())
        client:send(tostring(i), to.port, to.address,
          helper.sent())
      end
      helper.fill(heard, 100)
      for i, msg in ipairs(heard) do assert.equal(tostring(i), msg) end
      helper.close(client, server)
    end)
  end)
end)

-- Runs a command whose output does not matter to its end.
local function complete(command, ...)
  local child = Child.start(command, ...)
  return child:wait()
end

-- The lines of a file.
local function lines_of(path)
  local list = {}
  for line in io.lines(path) do list[#list + 1] = line end
  return list
end

-- Traces the system calls of a script; returns their lines. What is traced
-- cannot look for its leaks, should a sanitizer be in it.
local function trace(calls, ...)
  local path = helper.path()
  assert.equal(0, complete("strace", "-f", "-qq", "-e", "signal=none",
    "-E", "ASAN_OPTIONS=detect_leaks=0",
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
  if not has_trains() then pending("this build or kernel makes no trains") end
  if traced and not host.succeeds "strace -o /dev/null true" then
    pending("strace does not work here")
  end
end

describe("system calls", function()
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
        local lines = trace("/mmsg", uv.exepath(), Child.script(([[
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
    local path = Child.script(SENDER:format(port, port))
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
    if not host.has "socat" then pending("socat is not installed") end
    helper.run(function()
      local server, heard, to = receiver()
      assert.equal(0, complete(command(to.port)))
      check(heard)
      server:close()
    end)
  end)

  it("is asked once", function()
    need_trains(true)
    if not host.has "socat" then pending("socat is not installed") end
    helper.run(function()
      local server, heard, to = receiver()
      local lines = trace("sendmmsg", command(to.port))
      check(heard)
      assert.equal(1, count(lines, "EINVAL"))
      server:close()
    end)
  end)
end)

describe("a path whose packets are small", function()
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
    if not host.succeeds(LINK .. "true") then pending("no network namespaces") end
    helper.run(function()
      local path = Child.script(SENDER)
      assert.equal(0, complete("sh", "-c", LINK .. uv.exepath() .. " " .. path))
    end)
  end)
end)
