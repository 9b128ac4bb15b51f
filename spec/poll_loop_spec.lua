-- The built-in poll() loop, and what every adapter owes the library.
local Child = require "spec.support.child"
local core = require "dgram.core"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local poll_loop = inside.poll_loop

-- A bound socket on a loop that hands its messages to a function.
local function bound(loop, listener)
  local socket, port = traffic.sender { type = "udp4", loop = loop }
  socket:on("message", listener or function() end)
  return socket, port
end

-- The seconds that a call takes, and the processor's share of them.
local function measure(fn)
  local begin, cpu = core.now(), os.clock()
  fn()
  return (core.now() - begin) / 1000, os.clock() - cpu
end

describe("the poll() loop", function()
  local loop

  before_each(function() loop = poll_loop.new() end)

  it("needs no luv", function()
    helper.run(function()
      local child = Child.start("env", "-u", "LUA_INIT",
        require("luv").exepath(), "spec/poll_loop/alone.lua")
      assert.are.equal(0, child:wait())
      assert.are.equal("sent\tnil\necho\thello\nclosed\nmore to do\tfalse\n",
        child.text)
    end)
  end)

  it("cannot watch a socket: its bind fails, and may be tried again", function()
    local poll, errors, address = loop.poll, {}, nil
    function loop.poll() return nil, "EMFILE" end
    local socket = dgram.createSocket { type = "udp4", loop = loop }
    socket:on("error", function(err) errors[#errors + 1] = err.message end)
    socket:bind(0, "127.0.0.1")
    loop.run()
    assert.same({ "bind EMFILE 127.0.0.1" }, errors)
    socket:connect(9, "127.0.0.1") -- binds first
    loop.run()
    assert.equal(2, #errors)
    assert.equal("dgram.Socket (udp4, unbound)", tostring(socket))
    loop.poll = poll
    socket:bind(0, "127.0.0.1", function()
      address = socket:address().address
      socket:close()
    end)
    loop.run()
    assert.equal("127.0.0.1", address)
    assert.equal(2, #errors)
  end)

  it("ends when nothing is left, and tells whether there is more", function()
    assert.is_false(loop.run())
    assert.is_false(loop.run("once"))
    local socket = bound(loop)
    assert.is_true(loop.run("nowait"))
    socket:close()
    assert.is_false(loop.run())
  end)

  it("waits in the kernel, not in a circle", function()
    local socket = bound(loop)
    loop.timer(function() socket:close() end):start(200)
    local seconds, cpu = measure(loop.run)
    assert.is_true(seconds >= 0.2 and seconds < 2, seconds .. " s")
    assert.is_true(cpu < 0.05, cpu .. " s of processor time")
  end)

  it("does not wait any more once it was stopped in a turn", function()
    local socket = bound(loop)
    local idle
    idle = loop.idle(function()
      idle:stop()
      loop.stop()
    end)
    idle:start()
    local limit = loop.timer(function() end)
    limit:start(2000)
    assert.is_true((measure(loop.run)) < 1)
    limit:stop()
    socket:close()
    loop.run()
  end)

  it("calls timers once, when they are due, unless they were stopped", function()
    local order = {}
    local function timer(name, milliseconds)
      local made = loop.timer(function() order[#order + 1] = name end)
      made:start(milliseconds)
      return made
    end
    timer("late", 30)
    timer("early", 10)
    timer("never", 5):stop()
    timer("restarted", 1):start(20)
    assert.is_false(loop.run())
    assert.are.same({ "early", "restarted", "late" }, order)
  end)

  it("calls timers that are late in the order in which they were due", function()
    local order = {}
    for _, due in ipairs { 4, 1, 3, 2 } do
      loop.timer(function() order[#order + 1] = due end):start(due)
    end
    core.poll({}, 10)
    loop.run()
    assert.are.same({ 1, 2, 3, 4 }, order)
  end)

  it("asks no pairs: a trace of LuaJIT saw it run no time at all, and slept", function()
    local asked, theirs = {}, pairs
    rawset(_G, "pairs", function(of)
      local from = debug.getinfo(2, "S").source:match("dgram/.*$") or ""
      if from:find "loop" or from:find "scheduler" then asked[#asked + 1] = from end
      return theirs(of)
    end)
    local socket, port
    socket, port = bound(loop, function()
      loop.timer(function() socket:close() end):start(1)
    end)
    socket:send("x", port, "127.0.0.1")
    local reader = dgram.createSocket { type = "unix_dgram", loop = loop }
    local path = reader:pause():bindSync().address
    local sender = dgram.createSocket { type = "unix_dgram", loop = loop, linger = 10 }
    repeat sender:send("x", path) until sender:getSendQueueCount() > 20
    sender:on("close", function() reader:close() end):close() -- a timer wakes it
    loop.run()
    rawset(_G, "pairs", theirs)
    assert.are.same({}, asked)
  end)

  it("a timer may start and stop timers", function()
    local count, other = 0, nil
    local timer
    timer = loop.timer(function()
      count = count + 1
      other:stop()
      if count < 3 then timer:start(0) end
    end)
    other = loop.timer(function() count = 100 end)
    timer:start(0)
    other:start(1)
    loop.run()
    assert.are.equal(3, count)
  end)

  it("stop() ends run(), which may go on", function()
    local got = {}
    local socket, port
    socket, port = bound(loop, function(msg)
      got[#got + 1] = msg
      loop.stop()
      if msg == "two" then socket:close() end
    end)
    socket:send("one", port, "127.0.0.1")
    assert.is_true(loop.run())
    socket:send("two", port, "127.0.0.1")
    assert.is_true(loop.run())
    assert.is_false(loop.run())
    assert.are.same({ "one", "two" }, got)
  end)

  it("stop() ends the run() it is called in, not the one around that", function()
    local calls = {}
    local function note(name, act)
      return function()
        calls[#calls + 1] = name
        if act then act() end
      end
    end
    loop.timer(note("inner", loop.stop)):start(2)
    loop.timer(note("outer", loop.run)):start(1)
    loop.timer(note "later"):start(4)
    loop.run()
    assert.same({ "outer", "inner", "later" }, calls)
  end)

  it("stop() ends run() although it is run once more before that ends", function()
    local calls = 0
    loop.timer(function()
      loop.stop()
      loop.run "nowait"
    end):start(1)
    loop.timer(function() calls = calls + 1 end):start(1000)
    assert.is_true(loop.run())
    assert.equal(0, calls)
  end)

  it("an unreferenced socket does not keep it going", function()
    local socket = bound(loop)
    socket:unref()
    assert.is_false(loop.run())
    socket:ref()
    assert.is_true(loop.run("nowait"))
    socket:close()
    assert.is_false(loop.run())
  end)

  it("an error in a listener leaves run(); the others are heard later", function()
    local got = {}
    local socket, port
    socket, port = bound(loop, function(msg)
      if msg == "1" then error({ code = "EBOOM" }) end
      got[#got + 1] = msg
      if msg == "3" then socket:close() end
    end)
    for i = 1, 3 do socket:send(tostring(i), port, "127.0.0.1") end
    local ok, err = pcall(loop.run)
    assert.is_false(ok)
    assert.are.equal("EBOOM", err.code)
    assert.is_false(loop.run())
    assert.are.same({ "2", "3" }, got)
  end)

  it("two loops in one state do not meet", function()
    local other, got = poll_loop.new(), {}
    local a, port_a = bound(loop, function(msg) got.a = msg end)
    local b, port_b = bound(other, function(msg) got.b = msg end)
    a:send("to b", port_b, "127.0.0.1")
    b:send("to a", port_a, "127.0.0.1")
    loop.run("once")
    assert.are.same({ a = "to a" }, got)
    other.run("once")
    assert.are.same({ a = "to a", b = "to b" }, got)
    helper.close(a, b)
    assert.is_false(loop.run())
    assert.is_false(other.run())
  end)

  it("looks host names up, and knows those there are not", function()
    local socket, errors = bound(loop), {}
    local function note(err) errors[#errors + 1] = err and err.code or "none" end
    socket:send("x", socket:address().port, "localhost", note)
    socket:send("x", 9, "no..such.host", note)
    socket:close()
    loop.run()
    table.sort(errors)
    assert.are.same({ "ENOTFOUND", "none" }, errors)
  end)

  it("gives a descriptor one handle at a time", function()
    local socket = bound(loop)
    assert.are.same({ nil, "EEXIST" }, { loop.poll(socket:fileno(), print) })
    socket:close()
    loop.run()
  end)

  it("tells what a descriptor is ready for, of what was asked", function()
    local raw, heard = inside.raw("udp4"), {} -- nobody else is to watch it
    local handle
    handle = loop.poll(raw:fileno(), function(...)
      heard[#heard + 1] = { ... }
      handle:stop()
    end)
    handle:start(true, true)
    loop.run()
    assert(raw:bind("127.0.0.1", 0))
    local _, port = raw:name()
    local sender = dgram.createSocket { type = "udp4", loop = loop }
    sender:send("x", port, "127.0.0.1", function() sender:close() end)
    handle:start(true, false)
    loop.run()
    assert.are.same({ { nil, "w" }, { nil, "r" } }, heard)
    helper.close(handle, raw)
  end)

  it("tells of a descriptor that is none, and stops watching it", function()
    local heard = {}
    local handle = loop.poll(999, function(err) heard[#heard + 1] = err end)
    handle:start(true)
    loop.run()
    assert.are.same({ "EBADF" }, heard)
    helper.close(handle, handle)
  end)

  it("waits for what fits when a finalizer adds descriptors meanwhile", function()
    if _VERSION < "Lua 5.4" or not pcall(collectgarbage, "generational") then
      pending("needs a collector that ends its work in one step")
    end
    local descriptors = {}
    collectgarbage("stop")
    setmetatable({}, { __gc = function()
      for fd = 1001, 1100 do descriptors[fd] = 1 end
    end })
    collectgarbage("restart") -- the next allocation, which is poll's, collects
    local ready = core.poll(descriptors, 0)
    collectgarbage("incremental")
    for i = 1, #ready, 2 do
      assert.are.equal(1, descriptors[ready[i]])
      assert.are.equal(4, ready[i + 1]) -- there is no such descriptor
    end
    assert.are.equal(2 * 16, #ready)
  end)

  it("tells a host what to wait for, and when it is to ask again", function()
    local asked = 0
    loop = poll_loop.new(function() asked = asked + 1 end)
    assert.is_nil(loop.descriptor())
    assert.are.equal(-1, loop.patience())
    local socket, port = bound(loop, function() end)
    assert.is_true(asked > 0)
    assert.are.equal(0, loop.patience()) -- 'listening' is due
    asked = 0
    loop.run "nowait"
    assert.are.equal(0, asked) -- it runs: the host knows
    assert.are.equal(-1, loop.patience())
    loop.timer(function() end):start(60000)
    assert.are.equal(1, asked)
    assert.is_true(loop.patience() > 50000)
    local descriptor = loop.descriptor()
    assert.are.equal(inside.watches_lanes(), descriptor ~= nil)
    if descriptor then
      assert.are.same({}, core.poll({ [descriptor] = 1 }, 0))
      socket:send("x", port, "127.0.0.1")
      socket:flush()
      assert.are.same({ descriptor, 1 }, core.poll({ [descriptor] = 1 }, 1000))
      socket:pause()
      assert.are.same({}, core.poll({ [descriptor] = 1 }, 0))
    end
    socket:close()
    loop.run "nowait"
    loop.run "nowait"
    assert.are.equal(descriptor, loop.descriptor()) -- the host waits for it still
  end)

  it("has no descriptor of its own when it watches nothing", function()
    if not inside.watches_lanes() then pending("no epoll") end
    local before = helper.descriptors()
    local socket = bound(loop)
    assert.are.equal(before + 2, helper.descriptors())
    socket:close()
    loop.run()
    assert.are.equal(before, helper.descriptors())
    assert.is_nil(loop.descriptor())
  end)

  it("polls what the system's watcher refuses", function()
    local count, handle = 0, nil
    local fd = uv.fs_open("/dev/null", "r", 0) -- poll() says that it is ready
    handle = loop.poll(fd, function()
      count = count + 1
      if count == 3 then handle:close() end
    end)
    handle:start(true, false)
    loop.run()
    assert.are.equal(3, count)
    uv.fs_close(fd)
  end)

  it("gives the kernel no list of the sockets that rest", function()
    if not inside.watches_lanes() then pending("no epoll") end
    local resting, raw = {}, 0
    for i = 1, 500 do
      resting[i] = inside.raw("udp4")
      assert(resting[i]:bind("127.0.0.1", 0))
      loop.poll(resting[i]:fileno(), function() raw = raw + 1 end):start(true, false)
    end
    local poll, most = core.poll, 0
    function core.poll(descriptors, ...) -- what is given to the kernel in each turn
      local count = 0
      for _ in pairs(descriptors) do count = count + 1 end
      most = math.max(most, count)
      return poll(descriptors, ...)
    end
    for _ = 1, 3 do loop.run "nowait" end
    core.poll = poll
    assert.are.same({ 0, 0 }, { most, raw })
    for i = 1, 500 do resting[i]:close() end
  end)

  it("asks how long to wait when a finalizer has had its turn", function()
    if _VERSION < "Lua 5.4" or not pcall(collectgarbage, "generational") then
      pending("needs a collector that ends its work in one step")
    end
    local collected, known = false, nil
    local function patience()
      known = collected
      return 0
    end
    local descriptors = {}
    collectgarbage("stop")
    setmetatable({}, { __gc = function() collected = true end })
    collectgarbage("restart") -- the next allocation, which is poll's, collects
    core.poll(descriptors, patience)
    collectgarbage("incremental")
    assert.is_true(known)
  end)

  it("createSocket refuses what is no adapter", function()
    for _, value in ipairs { 5, "luv", {}, { poll = print } } do
      local err = helper.raised(dgram.createSocket, { type = "udp4", loop = value })
      assert.are.equal("ERR_INVALID_ARG_TYPE", err.code)
    end
  end)
end)

-- The hooks of an adapter and of its handles, and what the library owes them, as the
-- contract in docs/embedding.md tells.
local HOOKS = { poll = true, idle = true, timer = true, lookup = true,
  traceback = true }
local METHODS = {
  poll = { start = true, stop = true, close = true, ref = true, unref = true },
  idle = { start = true, stop = true },
  timer = { start = true },
}

-- A view of a table: these names of it, and whatever is set by who uses it.
local function view(of, names)
  return setmetatable({}, { __index = function(_, name)
    if names[name] == nil then return nil end
    local value = of[name]
    if type(value) ~= "function" or names == HOOKS then return value end
    return function(_, ...) return value(of, ...) end
  end })
end

-- What a descriptor is, "char" once another file is in its place; nil: it is closed.
local function kind(fd)
  local stat = uv.fs_fstat(fd)
  return stat and (stat.type or "something else")
end

-- The checks of a poll's handle: start is told what to watch, stop comes while the
-- descriptor is what is watched still, close while it is open.
local function checked_poll(handle, fd)
  local checked, started = {}, false
  function checked.start(_, readable, writable, ...)
    assert(type(readable) == "boolean" and type(writable) == "boolean")
    assert((readable or writable) and select("#", ...) == 0 and kind(fd) ~= "char")
    started = true
    handle:start(readable, writable)
  end
  function checked.stop()
    assert(not started or kind(fd) ~= "char", "the descriptor is another file")
    started = false
    handle:stop()
  end
  function checked.close()
    assert(kind(fd) and not (started and kind(fd) == "char"))
    handle:close()
  end
  return setmetatable(checked, { __index = function(_, name)
    return function() return handle[name](handle) end
  end })
end

-- The check of a timer: whole milliseconds.
local function checked_timer(handle)
  return { start = function(_, milliseconds)
    assert(milliseconds >= 0 and milliseconds % 1 == 0)
    handle:start(milliseconds)
  end }
end

-- An adapter of which only the documented hooks can be seen, which tells no more than
-- it must, and which looks at what it is given.
local function strict(loop)
  local hidden = setmetatable({}, { __index = loop })
  function hidden.poll(fd, callback)
    local handle, code = loop.poll(fd, function(err) callback(err) end)
    if not handle then return nil, code end
    return view(checked_poll(handle, fd), METHODS.poll)
  end
  function hidden.idle(callback) return view(loop.idle(callback), METHODS.idle) end
  function hidden.timer(callback)
    return view(checked_timer(loop.timer(callback)), METHODS.timer)
  end
  hidden.lookup = loop.lookup and function(host, family, callback)
    assert(not core.literal(host) and (family == 4 or family == 6))
    return loop.lookup(host, family, callback)
  end
  return view(hidden, HOOKS)
end

describe("an adapter", function()
  it("needs the documented hooks and no more", function()
    local loop, heard = poll_loop.new(), {}
    local server, port = bound(strict(loop), function(msg) heard[#heard + 1] = msg end)
    server:send("one", port, "localhost", function(err)
      assert.is_nil(err)
      server:pause():resume():unref():ref():close()
    end)
    assert.is_false(loop.run())
    assert.are.same({}, heard)
  end)

  -- A unix receiver that does not read until it is told to, on an adapter's loop.
  local function slow_reader(adapter)
    local reader = dgram.createSocket { type = "unix_dgram", loop = adapter }
    local heard, path = helper.listen(reader), helper.path()
    reader:bindSync { path = path }
    return reader:pause(), heard, path
  end

  -- Has a socket send to a peer that does not read, and close.
  local function linger(loop)
    local adapter = strict(loop)
    local reader, heard, path = slow_reader(adapter)
    local sender = dgram.createSocket { type = "unix_dgram", loop = adapter }
    for i = 1, 100 do sender:send(tostring(i), path) end
    sender:close()
    loop.run("nowait")
    reader:resume()
    repeat loop.run("once") until #heard == 100
    reader:close()
    assert.is_false(loop.run())
    assert.are.same(traffic.numbered(100), heard)
  end

  it("watches a unix peer that does not read, also while a close waits", function()
    helper.run(function() linger(poll_loop.new()) end)
  end)

  it("watches a socket that waits to be writable no more when it is closed", function()
    helper.run(function()
      local loop = poll_loop.new()
      local adapter, over = strict(loop), false
      local reader, _, path = slow_reader(adapter)
      local sender = dgram.createSocket { type = "unix_dgram", loop = adapter, linger = 0 }
      sender:bindSync { path = helper.path() }
      sender:connectSync(path)
      repeat sender:send "x" until sender:getSendQueueCount() > 20
      loop.run("nowait")
      sender:close(function() over = true end)
      repeat loop.run("once") until over
      reader:close()
      assert.is_false(loop.run())
    end)
  end)

  it("that can watch sockets only has a timer for these peers", function()
    helper.run(function()
      local loop, refused = poll_loop.new(), 0
      local poll = loop.poll
      function loop.poll(fd, callback)
        if kind(fd) == "socket" then return poll(fd, callback) end
        refused = refused + 1
        return nil, "EPERM"
      end
      linger(loop)
      assert.are.equal(inside.watches_lanes(), refused > 0)
    end)
  end)

  it("without ref and unref runs until it is stopped", function()
    local loop = poll_loop.new()
    local poll = loop.poll
    function loop.poll(fd, callback)
      local handle = poll(fd, callback)
      handle.ref, handle.unref = function() end, function() end
      return handle
    end
    local socket = bound(strict(loop))
    socket:unref():ref():unref()
    loop.timer(loop.stop):start(5)
    assert.is_true(loop.run())
    socket:close()
    assert.is_false(loop.run())
  end)

  it("goes on to watch when a callback raises, without another start", function()
    local loop, starts, errors, heard = poll_loop.new(), 0, {}, {}
    local poll = loop.poll
    function loop.poll(fd, callback)
      local handle = poll(fd, function(...)
        local ok, err = pcall(callback, ...)
        if not ok then errors[#errors + 1] = err end
      end)
      return setmetatable({ start = function(_, ...)
        starts = starts + 1
        handle:start(...)
      end }, { __index = function(_, name)
        return function() return handle[name](handle) end
      end })
    end
    local socket, port
    socket, port = bound(loop, function(msg)
      heard[#heard + 1] = msg
      if msg == "raise" then error("in a listener", 0) end
      socket:close()
    end)
    local before = starts
    socket:send("raise", port, "127.0.0.1")
    repeat loop.run("once") until #errors == 1
    socket:send("go on", port, "127.0.0.1")
    assert.is_false(loop.run())
    assert.are.same({ "in a listener" }, errors)
    assert.are.same({ "raise", "go on" }, heard)
    assert.are.equal(before, starts)
  end)

  it("may use the core's resolver", function()
    assert.are.equal("127.0.0.1", core.resolve("127.0.0.1", 4))
    assert.are.same({ nil, "EAI_NONAME" }, { core.resolve("no..such.host", 4) })
  end)

  it("tells why a lookup failed, and with which number", function()
    local loop, why = poll_loop.new(), nil
    function loop.lookup(_, _, callback)
      loop.timer(function() callback(why) end):start(0)
    end
    local numbers = { EAI_AGAIN = -3001, EAI_MEMORY = -3006, EAI_FAIL = -3004,
      ENOMEM = core.errno "ENOMEM", EAI_NONAME = -3008, EAI_NODATA = -3008,
      EAI_ADDRFAMILY = -3008, EINVAL = -3008, ODD = false }
    for code, number in pairs(numbers) do
      local socket, err = bound(loop), nil
      why = code
      socket:send("x", 9, "name.test", function(problem) err = problem end)
      socket:close()
      loop.run()
      assert.are.equal(number or nil, err.errno)
      assert.are.equal(number == -3008 and "ENOTFOUND" or code, err.code)
      assert.are.equal("name.test", err.hostname)
    end
  end)

  it("that stops watching and tells of an error is asked to watch on", function()
    local loop, told = poll_loop.new(), nil
    local poll = loop.poll
    function loop.poll(fd, callback)
      local handle = poll(fd, callback)
      told = function()
        handle:stop()
        callback("EIO")
      end
      return handle
    end
    local socket, port
    socket, port = bound(loop, function(msg)
      assert.are.equal("after the error", msg)
      socket:close()
    end)
    loop.run("nowait")
    told()
    socket:send("after the error", port, "127.0.0.1")
    assert.is_false(loop.run())
    assert.are.equal(1, socket:stats().received)
  end)

  it("has one turn of the loop, whoever asks first", function()
    local adapter = strict(poll_loop.new())
    local a, b = bound(adapter), bound(adapter)
    assert.are.equal(inside.scheduler(a), inside.scheduler(b)) -- nothing shows it
    helper.close(a, b)
  end)
end)
