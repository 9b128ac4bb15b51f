-- Under load: the share of time that is left to others, and what is left of a
-- batch that is cut short.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local receiver, sender, ROOM = traffic.receiver, traffic.sender, traffic.ROOM
local BUDGET = 1024 -- datagrams a wake-up delivers, and what its last batch holds
local LARGEST_BATCH = 32 * 64

describe("under a flood from another process", function()
  -- Sends as fast as it can until it is ended, 100 seconds at most.
  local FLOOD = [[
    local socket, list = dgram.createSocket("udp4"), {}
    for i = 1, 500 do list[i] = ("x"):rep(64) end
    socket:connectSync(%d)
    local function flood() socket:sendMany(list, flood) end
    uv.new_timer():start(100000, 0, function() os.exit(1) end)
    flood()
    uv.run()
  ]]

  -- Binds a socket, starts the flood, and calls body(socket) when it is there.
  local function flooded(body)
    helper.run(function()
      local socket, port = sender()
      socket:on("message", function() end)
      local child = Child.start(uv.exepath(), Child.script(FLOOD:format(port)))
      helper.wait(function() return socket:stats().received > 10000 end)
      body(socket)
      child:stop()
      socket:close()
    end, 10)
  end

  -- By the processor's time: on a busy machine others have it, too.
  it("a timer of 10 ms comes within 20", function()
    if helper.sanitized then pending("a sanitizer takes its time") end
    flooded(function(socket)
      local waits, timer = {}, uv.new_timer()
      local before = socket:stats().received
      local function measure()
        uv.update_time()
        local start = os.clock()
        timer:start(10, 0, function()
          waits[#waits + 1] = (os.clock() - start) * 1000
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
      local other, heard, to = receiver()
      local client = sender()
      for i = 1, 20 do
        client:send(tostring(i), to.port, to.address)
        helper.fill(heard, i)
      end
      helper.close(other, client)
    end)
  end)
end)

describe("a receive buffer that is full", function()
  it("is delivered in parts: others have their turn in between", function()
    helper.run(function()
      local socket, heard, to = receiver()
      if socket:stats().gro == 0 then
        helper.close(socket)
        pending("needs trains, to have so many wait")
      end
      local client, list, parts = sender(), {}, { 0 }
      for i = 1, 8 * BUDGET do list[i] = "x" end
      client:sendMany(list, to.port, to.address)
      client:flush()
      local prepare = uv.new_prepare()
      prepare:start(function() parts[#parts + 1] = #heard end)
      helper.fill(heard, 8 * BUDGET - socket:stats().dropped)
      prepare:close()
      parts[#parts + 1] = #heard
      assert.is_true(#heard > 2 * (BUDGET + LARGEST_BATCH), "too few waited")
      for i = 2, #parts do
        assert.is_true(parts[i] - parts[i - 1] < BUDGET + LARGEST_BATCH)
      end
      helper.close(socket, client)
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
        local other, heard, to = receiver()
        local ticks, calls, ended, timer = 0, 0, false, uv.new_timer()
        timer:start(1, 1, function()
          ticks = ticks + 1
          other:send("tick", to.port, to.address)
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
        helper.close(socket, other)
      end)
    end)
  end
end)

describe("a batch that is cut short", function()
  local COUNT = 300 -- about ten batches of datagrams that do not ride together
  local timers = 0 -- under way

  -- What a listener does at some of the datagrams.
  local acts = {
    ["by a pause"] = function(socket)
      socket:pause()
      local timer = uv.new_timer()
      timers = timers + 1
      timer:start(0, 0, function()
        timer:close()
        timers = timers - 1
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

  for what, act in pairs(acts) do
    for where, is_place in pairs(places) do
      it(("%s at %s loses nothing and keeps the order"):format(what, where), function()
        traffic.need_buffers(pending)
        if what:find "nested" then helper.need_nested_runs(pending) end
        helper.run(function()
          local socket, port = sender { type = "udp4", loop = traffic.surviving() }
          local sent, heard, raw = {}, {}, uv.new_udp()
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
          helper.wait(function() return timers == 0 end)
          helper.close(raw, socket)
        end)
      end)
    end
  end

  for _, place in ipairs { 1, 31, 32, 33, 64, 65, COUNT } do
    it(("by close at number %d delivers no more"):format(place), function()
      traffic.need_buffers(pending)
      helper.run(function()
        local socket, port = sender()
        local raw, heard = uv.new_udp(), 0
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

describe("a burst that fills the queue's memory to the last bytes", function()
  it("arrives as it was sent, whatever is left over", function()
    traffic.need_buffers(pending)
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      client:connectSync(to.port, to.address)
      for size = 1295, 1315 do -- 99 of 1304 bytes are 128 KiB with what they cost
        local list = {}
        for i = 1, 105 do list[i] = ("%05d"):format(i):rep(size):sub(1, size) end
        for i = 1, #heard do heard[i] = nil end
        for _, message in ipairs(list) do client:send(message) end
        helper.fill(heard, #list)
        assert.same(list, heard)
      end
      helper.close(client, server)
    end)
  end)
end)
