-- The EventEmitter, on a socket: order, copy on write under nested emits, once,
-- newListener and removeListener, errors nobody listens to.
local dgram = require "dgram"
local helper = require "spec.support.helper"

local socket, log

-- A listener that notes its name and its arguments.
local function noting(name)
  return function(...) log[#log + 1] = table.concat({ name, ... }, " ") end
end

describe("the emitter", function()
  before_each(function()
    socket, log = dgram.createSocket("udp4"), {}
  end)

  it("calls listeners in order, with all arguments, and tells whether there were any",
    function()
      socket:on("e", noting "a")
      socket:addListener("e", noting "b")
      socket:prependListener("e", noting "c")
      assert.is_true(socket:emit("e", 1, 2, 3))
      assert.same({ "c 1 2 3", "a 1 2 3", "b 1 2 3" }, log)
      assert.is_false(socket:emit("nothing"))
    end)

  it("gives listeners no self, and nil arguments whole", function()
    local count
    socket:on("e", function(...) count = select("#", ...) end)
    socket:emit("e")
    assert.equal(0, count)
    socket:emit("e", nil, nil)
    assert.equal(2, count)
  end)

  it("calls a listener as often as it was added", function()
    local listener = noting "a"
    socket:on("e", listener):on("e", listener)
    socket:emit("e")
    assert.same({ "a", "a" }, log)
    assert.equal(2, socket:listenerCount("e", listener))
    socket:off("e", listener)
    assert.equal(1, socket:listenerCount("e"))
  end)

  it("chains all but the queries", function()
    local f = noting "f"
    for _, method in ipairs { "on", "addListener", "once", "prependListener",
      "prependOnceListener", "off", "removeListener" } do
      assert.equal(socket, socket[method](socket, "e", f), method)
    end
    assert.equal(socket, socket:removeAllListeners("e"))
    assert.equal(socket, socket:removeAllListeners())
  end)

  it("calls once-listeners once, in their place", function()
    socket:on("e", noting "b")
    socket:once("e", noting "c")
    socket:prependOnceListener("e", noting "a")
    socket:emit("e", 1)
    socket:emit("e", 2)
    assert.same({ "a 1", "b 1", "c 1", "b 2" }, log)
  end)

  it("removes a once-listener before it calls it", function()
    socket:once("e", function()
      log[#log + 1] = "once"
      socket:emit("e")
    end)
    socket:emit("e")
    assert.same({ "once" }, log)
  end)

  it("removes what was added last, by its original function", function()
    local f = noting "f"
    socket:on("e", f)
    socket:on("e", noting "g")
    socket:once("e", f)
    socket:off("e", f)
    socket:emit("e")
    assert.same({ "f", "g" }, log)
    socket:off("e", noting "never added"):off("nothing", f)
    assert.equal(2, socket:listenerCount("e"))
  end)

  it("removes a once-listener by what rawListeners shows", function()
    socket:once("e", noting "f")
    socket:off("e", socket:rawListeners("e")[1])
    assert.equal(0, socket:listenerCount("e"))
  end)

  it("skips nobody in a nested emit", function()
    -- once b, c, with an emit inside a: b c inside, then c (b is spent).
    socket:on("e", function(depth)
      log[#log + 1] = "a" .. depth
      if depth == 1 then socket:emit("e", 2) end
    end)
    socket:once("e", noting "b")
    socket:on("e", noting "c")
    socket:emit("e", 1)
    assert.same({ "a1", "a2", "b 2", "c 2", "c 1" }, log)
  end)

  it("lets listeners added meanwhile wait for the next emit", function()
    socket:on("e", function()
      log[#log + 1] = "a"
      socket:on("e", noting "late")
    end)
    socket:emit("e")
    assert.same({ "a" }, log)
    socket:emit("e")
    assert.same({ "a", "a", "late" }, log)
  end)

  it("still calls listeners removed meanwhile, this once", function()
    local b = noting "b"
    socket:on("e", function()
      log[#log + 1] = "a"
      socket:off("e", b)
    end)
    socket:on("e", b)
    socket:emit("e")
    socket:emit("e")
    assert.same({ "a", "b", "a" }, log)
  end)

  it("calls nobody after one that raises, and goes on with the next emit", function()
    socket:once("e", function() error("reason", 0) end)
    socket:on("e", noting "b")
    assert.equal("reason", helper.raised(socket.emit, socket, "e"))
    assert.same({}, log)
    socket:emit("e")
    assert.same({ "b" }, log)
  end)

  it("tells 'newListener' before it adds, with the original function", function()
    local f = noting "f"
    socket:on("newListener", function(event, listener)
      log[#log + 1] = event
      assert.equal(f, listener)
      assert.equal(0, socket:listenerCount(event))
    end)
    socket:once("one", f)
    socket:prependListener("two", f)
    assert.same({ "one", "two" }, log)
  end)

  it("adds what 'newListener' adds to the same event first", function()
    socket:once("newListener", function(event) socket:on(event, noting "inner") end)
    socket:on("e", noting "outer")
    socket:emit("e")
    assert.same({ "inner", "outer" }, log)
  end)

  it("tells 'removeListener' after it removed, with the original function", function()
    local f, told = noting "f", {}
    socket:on("removeListener", function(event, listener)
      told[#told + 1] = event
      assert.equal(f, listener)
      assert.equal(0, socket:listenerCount(event))
    end)
    socket:on("a", f):off("a", f)
    socket:once("b", f):emit("b")
    socket:on("c", f):removeAllListeners("c")
    socket:on("d", f):removeAllListeners()
    assert.same({ "a", "b", "c", "d" }, told)
    assert.same({}, socket:eventNames())
  end)

  it("removes all listeners of an event, last first", function()
    local names = {}
    local function named(name)
      local f = noting(name)
      names[f] = name
      return f
    end
    socket:on("e", named "a"):on("e", named "b"):on("f", named "c")
    socket:on("removeListener", function(_, f) log[#log + 1] = names[f] end)
    socket:removeAllListeners("e")
    assert.same({ "b", "a" }, log)
    assert.equal(1, socket:listenerCount("f"))
    socket:removeAllListeners("nothing")
  end)

  it("lists listeners, as given and as kept, in copies", function()
    local f, g = noting "f", noting "g"
    socket:on("e", f):once("e", g)
    assert.same({ f, g }, socket:listeners("e"))
    local raw = socket:rawListeners("e")
    assert.equal(f, raw[1])
    assert.is_not_equal(g, raw[2])
    assert.equal(g, raw[2].listener)
    raw[2]("raw")
    assert.same({ "g raw" }, log)
    assert.same({ f }, socket:listeners("e"))
    table.remove(socket:listeners("e"))
    table.remove(socket:rawListeners("e"))
    assert.equal(1, socket:listenerCount("e"))
    assert.same({}, socket:listeners("nothing"))
    assert.equal(0, socket:listenerCount("nothing"))
  end)

  it("lists the events in the order they were first listened to", function()
    local names = {}
    for i = 1, 20 do
      names[i] = "event " .. i
      socket:on(names[i], noting "x")
    end
    assert.same(names, socket:eventNames())
    socket:removeAllListeners("event 1")
    table.remove(names, 1)
    assert.same(names, socket:eventNames())
  end)

  it("takes any value but nil and NaN as an event", function()
    for _, event in ipairs { 1, "1", true, false, {}, print } do
      socket:once(event, noting(tostring(event)))
      assert.is_true(socket:emit(event))
    end
    assert.equal(6, #log)
    for _, method in ipairs { "on", "once", "prependListener", "prependOnceListener" } do
      helper.has({ code = "ERR_INVALID_ARG_TYPE", name = "TypeError" },
        helper.raised(socket[method], socket, nil, print))
    end
    assert.is_false(socket:emit(nil))
    assert.equal(0, socket:listenerCount(nil))
    assert.same({}, socket:listeners(nil))
  end)

  it("takes callable tables as listeners", function()
    local callable = setmetatable({}, { __call = function(_, x) log[1] = x end })
    socket:on("e", callable):emit("e", "called")
    assert.same({ "called" }, log)
    assert.equal(callable, socket:listeners("e")[1])
    socket:off("e", callable)
    assert.equal(0, socket:listenerCount("e"))
  end)

  describe("with 'error'", function()
    it("raises the very value, when it is a table", function()
      local err = { code = "X" }
      assert.equal(err, helper.raised(socket.emit, socket, "error", err))
    end)

    it("raises an error that tells what it was, when it is none", function()
      local err = helper.raised(socket.emit, socket, "error", "text")
      helper.has({ code = "ERR_UNHANDLED_ERROR", name = "Error", context = "text" }, err)
      assert.truthy(err.message:find("Unhandled error", 1, true))
      assert.truthy(err.message:find("text", 1, true))
      helper.has({ code = "ERR_UNHANDLED_ERROR" },
        helper.raised(socket.emit, socket, "error"))
    end)

    it("raises nothing when somebody listens", function()
      socket:on("error", noting "error")
      assert.is_true(socket:emit("error", "x"))
      assert.same({ "error x" }, log)
    end)

    it("tells errorMonitor first, which handles nothing", function()
      socket:on(dgram.errorMonitor, noting "monitor")
      local err = setmetatable({}, { __concat = function() return "" end })
      log = {}
      socket:removeAllListeners(dgram.errorMonitor)
      socket:on(dgram.errorMonitor, function() log[#log + 1] = "monitor" end)
      assert.equal(err, helper.raised(socket.emit, socket, "error", err))
      socket:on("error", function() log[#log + 1] = "error" end)
      socket:emit("error", err)
      assert.same({ "monitor", "monitor", "error" }, log)
    end)
  end)
end)

describe("'message' listeners", function()
  -- The core calls a single listener itself; these see the change of hands.
  it("may come and go at any time", function()
    helper.run(function()
      local inbox
      socket, inbox = helper.bound("udp4")
      local more, port = {}, socket:address().port
      local function add(msg) more[#more + 1] = msg end
      -- Sends a datagram and waits for it.
      local function exchange(msg, expected)
        more = {}
        socket:send(msg, port)
        helper.fill(inbox)
        helper.fill(more, expected)
        assert.equal(msg, table.remove(inbox).msg)
        assert.equal(expected, #more)
      end
      exchange("one listener", 0)
      socket:on("message", add)
      exchange("two listeners", 1)
      socket:prependListener("message", add)
      exchange("three listeners", 2)
      socket:removeListener("message", add)
      exchange("two again", 1)
      socket:removeListener("message", add)
      exchange("one again", 0)
      socket:close()
    end)
  end)

  it("added with once hear one datagram of a burst", function()
    helper.run(function()
      local heard = {}
      socket = dgram.createSocket("udp4")
      local port = socket:bindSync({ address = "127.0.0.1" }).port
      socket:once("message", function(msg) heard[#heard + 1] = msg end)
      for i = 1, 10 do socket:send(tostring(i), port) end
      helper.wait(function() return socket:stats().received == 10 end)
      assert.same({ "1" }, heard)
      socket:close()
    end)
  end)

  it("get a table of their own each time", function()
    helper.run(function()
      local inbox
      socket, inbox = helper.bound("udp4")
      for _ = 1, 3 do socket:send("x", socket:address().port) end
      helper.fill(inbox, 3)
      inbox[1].from.port = nil
      assert.equal(socket:address().port, inbox[2].from.port)
      assert.is_false(rawequal(inbox[2].from, inbox[3].from))
      socket:close()
    end)
  end)

  it("are called by emit too", function()
    helper.run(function()
      local inbox
      socket, inbox = helper.bound("udp4")
      assert.is_true(socket:emit("message", "by hand", { port = 5 }))
      assert.same({ { msg = "by hand", from = { port = 5 } } }, inbox)
      socket:close()
    end)
  end)

  it("that are callable tables hear datagrams", function()
    helper.run(function()
      local heard
      socket = dgram.createSocket("udp4")
      local port = socket:bindSync({ address = "127.0.0.1" }).port
      socket:on("message", setmetatable({}, {
        __call = function(_, msg, rinfo) heard = msg .. rinfo.size end,
      }))
      socket:send("x", port)
      helper.wait(function() return heard end)
      assert.equal("x1", heard)
      socket:close()
    end)
  end)
end)
