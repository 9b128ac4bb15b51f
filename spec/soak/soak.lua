-- Load for a long time: `make soak TIME=600`. Rounds of what a busy program
-- meets, until the time is over; after each the counters must add up, and memory
-- and descriptors must be what they were after the second round. What depends on
-- how busy the machine is has no limit: it is measured in the processor time and
-- the wake-ups of this process.
--
--   lua5.4 spec/soak/soak.lua SECONDS
--   lua5.4 spec/soak/soak.lua flood PORT COUNT    the sender of the flood
local dgram = require "dgram"
local uv = require "luv"

local passed, failed = 0, 0
local most = 0 -- the bytes of data that a round took at most

-- Runs the loop until a condition holds; an error after `seconds`.
local function wait(condition, seconds)
  local late = false
  local deadline, ticker = uv.new_timer(), uv.new_timer()
  deadline:start(seconds * 1000, 0, function() late = true end)
  ticker:start(10, 10, function() end)
  while not condition() and not late do uv.run("once") end
  deadline:close()
  ticker:close()
  assert(condition(), ("nothing after %d s"):format(seconds))
end

-- Lets the loop run for some milliseconds.
local function pass(milliseconds)
  local over = false
  local timer = uv.new_timer()
  timer:start(milliseconds, 0, function() over = true end)
  while not over do uv.run("once") end
  timer:close()
end

-- A bound socket of IPv4 and its port.
local function bound(options)
  local socket = dgram.createSocket(options or "udp4")
  return socket, socket:bindSync({ address = "127.0.0.1" }).port
end

-- Closes sockets and waits until they are gone.
local function close_all(sockets)
  local open = #sockets
  for _, socket in ipairs(sockets) do
    socket:close(function() open = open - 1 end)
  end
  wait(function() return open == 0 end, 30)
end

-- What the open descriptors stand for. Asked one by one: ls would see the pipe
-- that we start it with, and uv.fs_scandir keeps some memory for each call.
local function descriptors()
  local list = {}
  for number = 0, 2047 do
    local what = uv.fs_readlink("/proc/self/fd/" .. number)
    if what then list[#list + 1] = number .. " " .. what end
  end
  return list
end

-- Notes how much data this process has, pages that were never touched included:
-- what a leak takes is not there for the next round, and the most grows.
local function weigh()
  for line in io.lines("/proc/self/status") do
    local size = line:match("^VmData:%s*(%d+) kB")
    if size then most = math.max(most, size / 1024) end
  end
end

-- Seconds of processor time of this process.
local function cpu_time()
  local usage = uv.getrusage()
  return usage.utime.sec + usage.stime.sec
    + (usage.utime.usec + usage.stime.usec) / 1e6
end

-- ---------------------------------------------------------------- the flood

-- Sends COUNT datagrams as fast as it can and prints how many went.
local function flood(port, count)
  local socket = dgram.createSocket("udp4")
  local sent, asked, told = 0, 0, 0
  local function report(err)
    told = told + 1
    if not err then sent = sent + 1 end
    if told == count then
      print(sent)
      socket:close()
    end
  end
  local function more()
    while asked < count do
      asked = asked + 1
      if not socket:send("flood", port, "127.0.0.1", report) then return end
    end
  end
  socket:on("drain", more)
  socket:connect(port, "127.0.0.1", function()
    socket:disconnect()
    more()
  end)
  uv.run()
end

-- Starts a flood in a process of its own; the result gets `sent`.
local function start_flood(port, count)
  local child, pipe = { text = "" }, uv.new_pipe(false)
  child.process = assert(uv.spawn(uv.exepath(), {
    args = { "spec/soak/soak.lua", "flood", "" .. port, "" .. count },
    stdio = { nil, pipe, 2 },
  }, function() child.process:close() child.ended = true end))
  pipe:read_start(function(_, chunk)
    if chunk then child.text = child.text .. chunk return end
    pipe:close()
    child.sent = assert(tonumber(child.text), "the flood broke off")
  end)
  return child
end

local tests = {}

tests[1] = { "a flood: sent = received + dropped, and timers are on time",
  function()
    -- Without GRO: the kernel counts a train that it drops as one datagram.
    local server, port = bound { type = "udp4", gro = false }
    local received, ticks, spent, worst = 0, 0, cpu_time(), 0
    server:on("message", function()
      received = received + 1
      if received % 100 == 0 then -- slower than the sender
        local till = uv.hrtime() + 200000
        while uv.hrtime() < till do end -- luacheck: ignore
      end
    end)
    local timer = uv.new_timer()
    timer:start(10, 10, function() -- how much work lies between two ticks
      local now = cpu_time()
      ticks, worst, spent = ticks + 1, math.max(worst, now - spent), now
    end)
    local child = start_flood(port, 200000)
    wait(function() return child.sent and child.ended end, 60)
    pcall(wait, function()
      return received + server:stats().dropped >= child.sent
    end, 10)
    timer:close()
    local dropped = server:stats().dropped
    assert(received + dropped == child.sent,
      ("%d received + %d dropped, %d sent"):format(received, dropped,
        child.sent))
    assert(received == server:stats().received)
    assert(ticks > 0 and worst < 0.1,
      ("%d ticks, one after %.3f s of work"):format(ticks, worst))
    close_all { server }
  end }

tests[2] = { "a receiver that stands still: what has no room is counted",
  function()
    local server, port = bound { type = "udp4", gro = false }
    server:pause()
    local child = start_flood(port, 20000)
    wait(function() return child.sent and child.ended end, 60)
    local begin = server:stats()
    assert(begin.received == 0 and begin.dropped > 0)
    server:resume()
    wait(function()
      return server:stats().received + server:stats().dropped == child.sent
    end, 60)
    assert(server:stats().received > 0)
    close_all { server }
  end }

tests[3] = { "a peer that does not read: the queue is bounded, all is told",
  function()
    local name = "\0dgram-soak-" .. uv.os_getpid()
    local slow = dgram.createSocket("unix_dgram")
    slow:bindSync { path = name }
    local client = dgram.createSocket { type = "unix_dgram",
      maxQueue = 1000000 }
    local payload, told, refused = ("x"):rep(1000), 0, 0
    for _ = 1, 3000 do
      client:send(payload, name, function(err)
        told = told + 1
        if err then
          assert(err.code == "ENOBUFS", err.code)
          refused = refused + 1
        end
      end)
      assert(client:getSendQueueSize() <= 1000000)
    end
    wait(function() return told == 3000 end, 60)
    assert(refused > 0 and refused < 3000)
    assert(client:stats().sent == 3000 - refused)
    close_all { slow, client }
  end }

tests[4] = { "a thousand sockets talk, and cost nothing when they are idle",
  function()
    local sockets, heard = {}, 0
    for i = 1, 1000 do
      local socket, port = bound()
      socket:on("message", function(msg, rinfo)
        if msg == "ping" then socket:send("pong", rinfo.port, rinfo.address)
        else heard = heard + 1 end
      end)
      sockets[i], socket.port = socket, port
    end
    for i = 1, 1000 do
      sockets[i]:send("ping", sockets[i % 1000 + 1].port, "127.0.0.1")
    end
    wait(function() return heard == 1000 end, 30)
    weigh()
    pass(50)
    local before, usage = cpu_time(), uv.getrusage()
    pass(1000)
    local after = uv.getrusage()
    assert(cpu_time() - before < 0.05,
      ("%.3f s of processor time in an idle second"):format(
        cpu_time() - before))
    assert(after.nvcsw - usage.nvcsw < 20,
      (after.nvcsw - usage.nvcsw) .. " wake-ups in an idle second")
    close_all(sockets)
  end }

tests[5] = { "a storm of sockets that open, send and close", function()
  local closed, told = 0, 0
  local server, port = bound { type = "udp4", recvBufferSize = 1000000 }
  for round = 1, 20 do
    for _ = 1, 100 do
      local socket = dgram.createSocket("udp4")
      socket:send("storm", port, "127.0.0.1", function(err)
        assert(not err)
        told = told + 1
      end)
      socket:close(function() closed = closed + 1 end)
    end
    wait(function() return closed == round * 100 end, 30)
    assert(told == closed)
  end
  wait(function()
    return server:stats().received + server:stats().dropped == 2000
  end, 10)
  close_all { server }
end }

tests[6] = { "names that are not found, peers that are gone", function()
  local told, errors, closed = 0, 0, 0
  local server, port = bound()
  local function count() closed = closed + 1 end
  server:on("message", function(msg, rinfo)
    for _ = 1, 3 do server:send(msg, rinfo.port, rinfo.address) end
  end)
  for i = 1, 100 do
    local lost = dgram.createSocket("udp4")
    lost:send("x", 9, ("host-%d.invalid"):format(i % 10), function(err)
      told = told + 1
      errors = errors + (err and 1 or 0)
    end)
    lost:close(count)
    local gone = dgram.createSocket("udp4")
    gone:send("x", port, "127.0.0.1")
    gone:close(count)
  end
  wait(function()
    return told == 100 and closed == 200 and server:stats().received == 100
      and server:getSendQueueCount() == 0
  end, 120)
  assert(errors == 100)
  close_all { server }
end }

tests[7] = { "connected peers that vanish, and come back", function()
  for _ = 1, 50 do
    local server, port = bound()
    local client, refused, heard = dgram.createSocket("udp4"), 0, false
    client:on("error", function(err)
      assert(err.code == "ECONNREFUSED", err.code)
      refused = refused + 1
    end)
    client:connectSync(port, "127.0.0.1")
    close_all { server }
    for _ = 1, 10 do client:send("is anybody there?") end
    wait(function() return refused > 0 end, 10)
    server = dgram.createSocket("udp4")
    server:bindSync { port = port, address = "127.0.0.1" }
    server:on("message", function(msg) heard = heard or msg == "again" end)
    client:send("again")
    wait(function() return heard end, 10)
    close_all { server, client }
  end
end }

-- Runs a test once; its failure is told, and ends the soak.
local function run(test)
  local ok, err = pcall(test[2])
  if ok then passed = passed + 1 return true end
  failed = failed + 1
  print("FAILED  " .. test[1] .. ": " .. tostring(err))
  return false
end

-- Errors when a round left more than the second did.
local function compare(first, now)
  assert(now.lua < first.lua + 64, "Lua's memory grows")
  assert(now.most < first.most + 4, "the process grows")
  assert(#now.open == #first.open,
    "descriptors are left: " .. table.concat(now.open, " "))
end

-- Measures what there is after a round.
local function measure()
  collectgarbage()
  collectgarbage()
  weigh()
  return { lua = collectgarbage("count"), most = most, open = descriptors() }
end

-- Runs rounds until the time is over; compares each with the second.
local function soak(seconds)
  local till, rounds, first = uv.hrtime() + seconds * 1e9, 0, nil
  repeat
    for _, test in ipairs(tests) do
      if not run(test) then return end
    end
    rounds = rounds + 1
    local now = measure()
    print(("round %d: %d descriptors, Lua %.0f KiB, data %.1f MiB at most")
      :format(rounds, #now.open, now.lua, now.most))
    if rounds == 2 then first = now end
    if rounds > 2 then
      run { "flat memory", function() compare(first, now) end }
    end
  until (uv.hrtime() > till and rounds > 2) or failed > 0
end

if arg[1] == "flood" then
  flood(tonumber(arg[2]), tonumber(arg[3]))
else
  soak(tonumber(arg[1]) or 60)
  print(("\n%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0)
end
