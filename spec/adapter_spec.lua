-- What an adapter owes the library, as docs/embedding.md tells: run for luv's and our
-- own, for those whose loop is installed, and alone for what ADAPTER names, a loop of
-- spec/support/hosts.lua or a module (or the path of a Lua file) that returns a
-- function as those there:
--
--   ADAPTER=cqueues make test SPECS=spec/adapter_spec.lua
--   ADAPTER=./my_host.lua make test SPECS=spec/adapter_spec.lua
local dgram = require "dgram"
local helper = require "spec.support.helper"
local hosts = require "spec.support.hosts"
local look = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local OLD = _VERSION == "Lua 5.1" and not rawget(_G, "jit") -- no yield across pcall

-- The loops to look at: under LOOP, which takes luv's place, that one.
local function chosen()
  local loop = os.getenv "LOOP" or "luv"
  if os.getenv "ADAPTER" then return { os.getenv "ADAPTER" } end
  if loop ~= "luv" and loop ~= "unnested" then return { loop } end
  return { "luv", "poll", "cqueues", "event", "copas" }
end

-- Tells whether the loop of an adapter can be loaded here.
local function installed(name)
  local ours = name:match("^%a+$") and "dgram.loop." .. name
  return not ours or pcall(require, ours)
end

-- Makes the host that a name stands for.
local function host_of(name)
  local known = hosts[name:match("^dgram%.loop%.(.+)$") or name]
  if known then return known() end
  return (name:find("%.lua$") and dofile(name) or require(name))()
end

-- A connected pair of sockets: two descriptors.
local function pair()
  local fds = uv.socketpair("dgram", 0, { nonblock = true }, { nonblock = true })
  return fds[1], fds[2]
end

local function close(...)
  for _, fd in ipairs { ... } do uv.fs_close(fd) end
end

-- The specs of an adapter.
local function specify(name)
  describe("the adapter " .. name, function()
    local host, adapter, near, far, inside

    before_each(function()
      host = host_of(name)
      adapter, inside = host.adapter, false
      near, far = pair()
    end)

    after_each(function()
      close(near, far)
      host.step(0)
      host.step(0)
    end)

    -- Turns the loop, n times or until a condition holds; a turn waits 5 ms at most.
    local function turn(condition)
      local last = uv.hrtime() + 5e9 * helper.PATIENCE
      if type(condition) == "number" then
        for _ = 1, condition do host.step(5) end
        return
      end
      while not condition() do
        host.step(5)
        assert(uv.hrtime() < last, "nothing within 5 s")
      end
    end

    -- Counts its calls; no call may come while a method of a handle runs.
    local function counter(fn)
      local calls = { n = 0 }
      return calls, function(...)
        assert(not inside, "called back from inside a method")
        calls.n, calls.last = calls.n + 1, { n = select("#", ...), ... }
        if fn then fn(calls.n) end
      end
    end

    -- Calls a method of a handle, from which no callback may come.
    local function call(handle, method, ...)
      local outer = inside
      inside = true
      if name == "luv" then uv.update_time() end -- it counts from the last turn
      handle[method](handle, ...)
      inside = outer
    end

    -- Watches a descriptor; returns the handle and the calls.
    local function watch(fd, readable, writable, fn)
      local calls, callback = counter(fn)
      local handle = assert(adapter.poll(fd, callback))
      if readable or writable then call(handle, "start", readable, writable) end
      return handle, calls
    end

    it("calls back as long as a descriptor is ready, and not when it is not", function()
      local handle, calls = watch(near, true, false)
      turn(3)
      assert.equal(0, calls.n)
      uv.fs_write(far, "x")
      turn(function() return calls.n >= 3 end)
      assert.is_nil(calls.last[1])
      uv.fs_read(near, 10)
      turn(1) -- what was told of already
      local before = calls.n
      turn(3)
      assert.equal(before, calls.n)
      call(handle, "close")
    end)

    it("watches what the last start said, and nothing else", function()
      local handle, calls = watch(near, false, true)
      turn(function() return calls.n >= 2 end)
      call(handle, "start", true, false)
      turn(1)
      local before = calls.n
      turn(3)
      assert.equal(before, calls.n)
      uv.fs_write(far, "x")
      turn(function() return calls.n > before end)
      uv.fs_read(near, 10)
      call(handle, "start", true, true)
      before = calls.n
      turn(function() return calls.n >= before + 2 end)
      call(handle, "close")
    end)

    it("tells of an error, too", function()
      local udp, free = uv.new_udp(), traffic.closed_port()
      assert(udp:connect("127.0.0.1", free))
      udp:try_send("x", nil, nil)
      local handle, calls
      handle, calls = watch(udp:fileno(), true, false, function()
        if calls.last[1] then call(handle, "start", true, false) end -- it may have stopped
      end)
      turn(function() return calls.n >= 2 end)
      call(handle, "close")
      udp:close()
    end)

    it("watches writability and datagrams by turns in a callback", function()
      local handle
      local calls
      handle, calls = watch(near, false, true, function(n)
        if n == 1 then call(handle, "start", true, false) end
        if n == 2 then call(handle, "stop") end
      end)
      turn(function() return calls.n == 1 end)
      turn(3)
      assert.equal(1, calls.n)
      uv.fs_write(far, "x")
      turn(function() return calls.n == 2 end)
      turn(3)
      assert.equal(2, calls.n)
      call(handle, "close")
    end)

    it("takes a descriptor out at once when it is stopped", function()
      local handle, calls = watch(near, true, false)
      turn(1)
      call(handle, "stop")
      local number, others = near, { far }
      close(near)
      repeat -- one takes the number of the one that was closed
        near, far = pair()
        if far == number then near, far = far, near end
        others[#others + 1] = near ~= number and near or nil
        others[#others + 1] = near ~= number and far or nil
      until near == number
      uv.fs_write(far, "x")
      turn(3)
      assert.equal(0, calls.n)
      call(handle, "start", true, false)
      turn(function() return calls.n > 0 end)
      call(handle, "close")
      close(table.unpack(others))
    end)

    it("calls nobody back who was stopped in this turn", function()
      local a, b = pair()
      local first, second
      local function stop()
        call(first, "stop")
        call(second, "stop")
      end
      local one, two
      first, one = watch(near, true, false, stop)
      second, two = watch(a, true, false, stop)
      turn(1)
      uv.fs_write(far, "x")
      uv.fs_write(b, "x")
      turn(function() return one.n + two.n > 0 end)
      turn(3)
      assert.equal(1, one.n + two.n)
      call(first, "close")
      call(second, "close")
      close(a, b)
    end)

    it("lets a descriptor have another handle when the first is closed", function()
      local first, one = watch(near, true, true)
      turn(1)
      call(first, "close")
      local before = one.n
      local second, two = watch(near, true, false)
      call(first, "stop") -- what is closed touches the second no more
      call(first, "close")
      uv.fs_write(far, "x")
      turn(function() return two.n >= 2 end)
      assert.equal(before, one.n)
      call(second, "close")
    end)

    it("closes a handle in its own callback", function()
      local handle, calls
      handle, calls = watch(near, true, false, function()
        call(handle, "close")
        collectgarbage()
      end)
      uv.fs_write(far, "x")
      turn(function() return calls.n > 0 end)
      turn(3)
      assert.equal(1, calls.n)
    end)

    it("stops what is stopped and starts what is started", function()
      local handle, calls = watch(near, false, false)
      local idle = adapter.idle(function() end)
      for _ = 1, 2 do call(handle, "stop") end
      for _ = 1, 2 do call(handle, "start", true, false) end
      for _ = 1, 2 do call(handle, "unref") end
      for _ = 1, 2 do call(handle, "ref") end
      for _ = 1, 2 do call(idle, "stop") end
      for _ = 1, 2 do call(idle, "start") end
      uv.fs_write(far, "x")
      turn(function() return calls.n > 0 end)
      for _ = 1, 2 do call(idle, "stop") end
      for _ = 1, 2 do call(handle, "stop") end
      call(handle, "close")
    end)

    -- Turns the loop until the condition holds, whatever it does with errors.
    local function turn_through_errors(condition)
      local uncaught, print_ = uv.uncaught, print
      uv.uncaught, _G.print = function() end, function() end
      for _ = 1, 100 do
        if not condition() then pcall(host.step, 5) end
      end
      uv.uncaught, _G.print = uncaught, print_
    end

    it("keeps a handle started when its callback raises", function()
      local raising, calls = watch(near, true, false, function(n)
        if n == 1 then error("in a callback", 0) end
      end)
      local turns, idle_callback = counter(function(n)
        if n == 1 then error("in a turn", 0) end
      end)
      local idle = adapter.idle(idle_callback)
      call(idle, "start")
      uv.fs_write(far, "x")
      turn_through_errors(function() return calls.n >= 3 and turns.n >= 3 end)
      assert.is_true(calls.n >= 3 and turns.n >= 3)
      call(idle, "stop")
      call(raising, "close")
    end)

    it("calls idle handles in every turn, and does not wait meanwhile", function()
      local idle
      local calls, callback = counter(function(n)
        if n == 20 then call(idle, "stop") end
      end)
      idle = adapter.idle(callback)
      call(idle, "start")
      local begin = uv.hrtime()
      while calls.n < 20 do host.step(200) end
      assert.is_true(uv.hrtime() - begin < 2e9)
      turn(3)
      assert.equal(20, calls.n)
      call(idle, "start")
      turn(function() return calls.n > 20 end)
      call(idle, "stop")
    end)

    it("calls an idle handle before a descriptor that became ready meanwhile", function()
      local order, idle = {}, nil
      idle = adapter.idle(function()
        order[#order + 1] = "turn"
        call(idle, "stop")
      end)
      local handle = watch(near, true, false, function()
        order[#order + 1] = "datagram"
        uv.fs_read(near, 10)
      end)
      turn(2)
      for _ = 1, 3 do
        uv.fs_write(far, "x")
        call(idle, "start")
        turn(3)
      end
      assert.same({ "turn", "datagram", "turn", "datagram", "turn", "datagram" }, order)
      call(handle, "close")
    end)

    it("has told of all that is ready before a second turn", function()
      local a, b = pair()
      local heard, turns, idle = 0, 0, nil
      local function read(fd)
        return watch(fd, true, false, function()
          heard = heard + #(uv.fs_read(fd, 10) or "")
        end)
      end
      local one, two = read(near), read(a)
      turn(2)
      idle = adapter.idle(function()
        turns = turns + 1
        if turns == 1 then
          uv.fs_write(far, "x")
          uv.fs_write(b, "x")
        elseif turns == 3 then
          assert.equal(2, heard)
          call(idle, "stop")
        end
      end)
      call(idle, "start")
      turn(function() return turns == 3 end)
      call(one, "close")
      call(two, "close")
      close(a, b)
    end)

    it("calls timers once, and not too early", function()
      local calls, callback = counter()
      local timer, begin = adapter.timer(callback), uv.hrtime()
      call(timer, "start", 30)
      turn(function() return calls.n > 0 end)
      assert.is_true(uv.hrtime() - begin >= 28e6)
      turn(10)
      assert.equal(1, calls.n)
    end)

    it("begins a timer anew that is started again, in its callback too", function()
      local timer
      local calls, callback = counter(function(n)
        if n < 3 then call(timer, "start", 0) end
      end)
      local begin = uv.hrtime()
      timer = adapter.timer(callback)
      call(timer, "start", 1)
      call(timer, "start", 30)
      turn(function() return calls.n == 3 end)
      assert.is_true(uv.hrtime() - begin >= 28e6)
      turn(3)
      assert.equal(3, calls.n)
    end)

    it("has timers that a shorter start makes shorter", function()
      local calls, callback = counter()
      local timer = adapter.timer(callback)
      call(timer, "start", 60000)
      turn(1)
      call(timer, "start", 1)
      turn(function() return calls.n == 1 end)
    end)

    it("ends when nothing is left", function()
      if not host.run then pending(name .. " does not end") end
      local calls, callback = counter()
      call(adapter.timer(callback), "start", 5)
      host.run()
      assert.equal(1, calls.n)
      local handle
      handle, calls = watch(near, true, false, function() call(handle, "close") end)
      uv.fs_write(far, "x")
      host.run()
      assert.equal(1, calls.n)
    end)

    it("is not kept going by a handle that is unreferenced", function()
      if not host.unref then pending(name .. " has no unref") end
      local handle, calls = watch(near, true, false)
      call(handle, "unref")
      host.run()
      assert.equal(0, calls.n)
      call(handle, "ref")
      call(handle, "close")
    end)

    it("looks host names up, if it does", function()
      if not adapter.lookup then pending(name .. " leaves it to the library") end
      local address, code
      inside = true
      adapter.lookup("localhost", 4, function(err, answer)
        assert(not inside and not err)
        address = answer
      end)
      adapter.lookup("no..such.host", 4, function(err) code = err end)
      inside = false
      turn(function() return address and code end)
      assert.equal("127.0.0.1", address)
      assert.is_not_nil(({ EAI_NONAME = 1, EAI_NODATA = 1, EINVAL = 1 })[code])
    end)

    -- A bound socket, and its port.
    local function bound()
      local socket = dgram.createSocket { type = "udp4", loop = adapter }
      return socket, socket:bindSync { address = "127.0.0.1" }.port
    end

    -- Calls fn(resumed) in a coroutine of the host's own; `resumed` tells how often the
    -- library has resumed that.
    local function in_host(fn)
      if not host.wrap then pending(name .. " has no coroutines") end
      local resume, theirs, count, done, failure = coroutine.resume, nil, 0, false, nil
      function coroutine.resume(thread, ...) -- luacheck: ignore
        local caller = debug.getinfo(2, "S").source
        if thread == theirs and caller:find("lua/dgram/", 1, true) then count = count + 1 end
        return resume(thread, ...)
      end
      host.wrap(function()
        theirs = coroutine.running()
        local ok, err = true, nil
        if OLD then fn(function() return count end)
        else ok, err = pcall(fn, function() return count end) end
        done, failure = true, not ok and err
      end)
      local ok, err = pcall(turn, function() return done end)
      coroutine.resume = resume -- luacheck: ignore
      assert(ok, err)
      if failure then error(failure, 0) end
    end

    it("lets the host's coroutines wait in receive, resumed by the host alone", function()
      in_host(function(resumed)
        local a, to = bound()
        local b = bound()
        host.wrap(function()
          for _ = 1, 3 do
            local msg, from = a:receive()
            a:send(msg .. "!", from.port, from.address)
          end
          a:close()
        end)
        for i = 1, 3 do
          b:send(tostring(i), to, "127.0.0.1")
          assert.equal(i .. "!", (b:receive(5000)))
          host.pause(0.001)
        end
        local nothing, err = b:receive(5)
        assert.is_nil(nothing)
        assert.equal("ETIMEDOUT", err.code)
        b:close()
        assert.equal(0, resumed())
      end)
    end)

    it("lets them sleep, and its coroutines be made by dgram.async", function()
      in_host(function()
        local got
        local a, port = bound()
        dgram.async(function(...) got = select("#", ...) .. a:receive() end, adapter)(1, nil)
        dgram.sleep(1)
        a:send("x", port, "127.0.0.1")
        while not got do dgram.sleep(1) end
        assert.equal("2x", got)
        a:close()
      end)
    end)

    it("ends the wait of a socket that is closed", function()
      in_host(function()
        local a = bound()
        host.wrap(function() a:close() end)
        local nothing, err = a:receive()
        assert.is_nil(nothing)
        assert.equal("ERR_SOCKET_DGRAM_NOT_RUNNING", err.code)
      end)
    end)

    it("lets no listener wait, nor coroutines for another loop's socket", function()
      local codes = {}
      in_host(function()
        local a, port = bound()
        local other = dgram.createSocket { type = "udp4",
          loop = require("dgram.loop.poll").new() }
        codes[1] = helper.raised(other.receive, other).code
        other:close()
        a:on("message", function()
          codes[2] = helper.raised(dgram.sleep, 1).code
          codes[3] = helper.raised(a.receive, a).code
        end)
        a:send("x", port, "127.0.0.1")
        while not codes[3] do dgram.sleep(1) end
        a:close()
      end)
      for i = 1, 3 do assert.equal("ERR_NOT_IN_COROUTINE", codes[i]) end
    end)

    -- Runs a function in a coroutine that may wait: the host's own, if it has any.
    local function beside(fn)
      if host.wrap then host.wrap(fn) else dgram.async(fn, adapter)() end
    end

    -- How many coroutines wait for datagrams, how many timers, how many listeners
    -- there are but for some of 'message'.
    local function left(socket, listening)
      local waiting, timers = look.waiting(socket)
      local listeners = -(listening or 0)
      for _, event in ipairs { "message", "error", "close", "x" } do
        listeners = listeners + socket:listenerCount(event)
      end
      return { waiting, timers, listeners }
    end

    it("lets a thousand coroutines wait for one socket", function()
      local socket, port = bound()
      local got, count = {}, 0
      for i = 1, 1000 do -- not all hosts begin coroutines in this order
        beside(function()
          got[tonumber((socket:receive(i % 2 == 0 and 60000 or nil)))] = true
          count = count + 1
        end)
      end
      turn(function() return look.waiting(socket) == 1000 end)
      assert.same({ 1000, 500, 0 }, left(socket))
      for first = 1, 1000, 50 do
        local some = {}
        for i = first, first + 49 do some[#some + 1] = tostring(i) end
        socket:sendMany(some, port, "127.0.0.1")
        turn(function() return count == first + 49 end)
      end
      assert.equal(1000, #got)
      assert.same({ 0, 0, 0 }, left(socket))
      socket:close()
      turn(3)
    end)

    it("lets a thousand wait, each for a socket of its own", function()
      local sockets, ports, got = {}, {}, 0
      for i = 1, 1000 do
        sockets[i], ports[i] = bound()
        beside(function()
          if sockets[i]:receive(60000) == tostring(i) then got = got + 1 end
        end)
      end
      turn(function() return select(2, look.waiting(sockets[1])) == 1000 end)
      for i = 1, 1000 do sockets[i]:send(tostring(i), ports[i], "127.0.0.1") end
      turn(function() return got == 1000 end)
      for i = 1, 1000 do assert.same({ 0, 0, 0 }, left(sockets[i])) end
      helper.close((table.unpack or unpack)(sockets)) -- luacheck: ignore
      turn(3)
    end)

    -- What ends a wait otherwise than by what is waited for. Each returns, or raises,
    -- an error with this code.
    local ends = {
      ETIMEDOUT = {
        function(socket) return select(2, socket:receive(1)) end,
        function(socket) dgram.once(socket, "x", { timeout = 1 }) end,
      },
      ABORT_ERR = {
        function(socket, signal) dgram.once(socket, "x", { signal = signal }) end,
        function(socket, signal)
          dgram.on(socket, "message", { signal = signal, highWaterMark = 1 })
          dgram.once(socket, "x", { signal = signal }) -- what comes pauses the socket
        end,
        function(socket, signal)
          dgram.on(socket, "x", { signal = signal })()
        end,
      },
      EMINE = {
        function(socket) dgram.once(socket, "x") end,
        function(socket) dgram.on(socket, "x")() end,
      },
      ERR_SOCKET_DGRAM_NOT_RUNNING = {
        function(socket) return select(2, socket:receive()) end,
        function(socket) return select(2, socket:receive(60000)) end,
        function(socket) dgram.once(socket, "x") end,
        function(socket) dgram.once(socket, "x", { timeout = 60000 }) end,
      },
    }

    -- Brings the end about.
    local bring = {
      ETIMEDOUT = function() end,
      ABORT_ERR = function(socket, controller, port)
        socket:sendMany({ "1", "2", "3" }, port, "127.0.0.1")
        turn(function() return socket:stats().received >= 2 end)
        controller:abort()
      end,
      EMINE = function(socket) socket:emit("error", { code = "EMINE" }) end,
      ERR_SOCKET_DGRAM_NOT_RUNNING = function(socket) socket:close() end,
    }

    -- Has coroutines wait whose waits end so; returns those that somebody keeps.
    local function end_waits(code, socket, port)
      local kept, codes = setmetatable({}, { __mode = "k" }), {}
      local controller = dgram.AbortController()
      local began = 0
      for _, wait in ipairs(ends[code]) do
        beside(function()
          kept[coroutine.running()], began = true, began + 1
          local ok, err = pcall(wait, socket, controller.signal)
          codes[#codes + 1] = err.code or ok
        end)
      end
      turn(function() return began == #ends[code] end)
      bring[code](socket, controller, port)
      turn(function() return #codes == #ends[code] end)
      for i = 1, #codes do assert.equal(code, codes[i]) end
      return kept
    end

    for code in pairs(ends) do
      it("leaves nothing behind when waits end with " .. code, function()
        if OLD then pending("a pcall cannot wait in Lua 5.1") end
        local socket, port = bound()
        local kept = end_waits(code, socket, port)
        if code ~= "ERR_SOCKET_DGRAM_NOT_RUNNING" then
          local heard = helper.listen(socket)
          socket:send("still heard", port, "127.0.0.1")
          turn(function() return heard[#heard] == "still heard" end)
          assert.same({ 0, 0, 0 }, left(socket, 1))
          socket:close()
        end
        turn(3)
        assert.same({ 0, 0, 0 }, left(socket, socket:listenerCount "message"))
        for _ = 1, 3 do collectgarbage() end
        assert.is_nil(next(kept))
      end)
    end

    it("serves sockets: an echo, by name, and a peer that is slow to read", function()
      local function create(kind)
        return dgram.createSocket { type = kind, loop = adapter }
      end
      local server, client, heard = create "udp4", create "udp4", nil
      server:on("message", function(msg, from)
        server:send(msg, from.port, from.address)
      end)
      client:on("message", function(msg) heard = msg end)
      client:send("hello", server:bindSync { address = "127.0.0.1" }.port, "localhost")
      turn(function() return heard end)
      assert.equal("hello", heard)
      local reader, writer, path = create "unix_dgram", create "unix_dgram", helper.path()
      local got = helper.listen(reader)
      reader:bindSync { path = path }
      reader:pause()
      for i = 1, 100 do writer:send(tostring(i), path) end
      turn(3)
      reader:resume()
      turn(function() return #got == 100 end)
      local closed = 0
      for _, socket in ipairs { server, client, reader, writer } do
        socket:close(function() closed = closed + 1 end)
      end
      turn(function() return closed == 4 end)
      turn(2)
    end)
  end)
end

-- Why the adapter cannot be tried here, nil if it can be.
local function hindrance(name)
  if name == "event" and helper.sanitized then
    return "libevent's base, which lua-event makes and never frees, counts as a leak"
  end
  if not installed(name) then return "its loop is not installed" end
end

for _, name in ipairs(chosen()) do
  local why = hindrance(name)
  if why then it("the adapter " .. name, function() pending(why) end)
  else specify(name) end
end
