-- AbortController, and sockets that close when their signal aborts.
local dgram = require "dgram"
local helper = require "spec.support.helper"

-- A signal of somebody else's making: what contract asks of one, and no more.
local function foreign_signal(aborted)
  local signal = { aborted = aborted or false, listeners = {} }
  function signal:addEventListener(event, listener)
    assert(event == "abort")
    self.listeners[listener] = true
  end
  function signal:removeEventListener(event, listener)
    assert(event == "abort" and self.listeners[listener])
    self.listeners[listener] = nil
  end
  function signal:abort()
    self.aborted = true
    for listener in pairs(self.listeners) do listener({ type = "abort" }) end
  end
  return signal
end

describe("AbortController", function()
  it("aborts once, with a reason", function()
    local controller, calls = dgram.AbortController(), 0
    local signal = controller.signal
    assert.is_false(signal.aborted)
    signal:addEventListener("abort", function(event)
      calls = calls + 1
      assert.equal("abort", event.type)
      assert.is_true(signal.aborted)
    end)
    controller:abort("reason")
    controller:abort("another")
    assert.equal(1, calls)
    assert.is_true(signal.aborted)
    assert.equal("reason", signal.reason)
  end)

  it("has an AbortError as reason, if none is given", function()
    local controller = dgram.AbortController()
    controller:abort()
    helper.has({ name = "AbortError", message = "This operation was aborted" },
      controller.signal.reason)
    assert.equal("AbortError: This operation was aborted",
      tostring(controller.signal.reason))
  end)

  it("may be called with a dot", function()
    local controller = dgram.AbortController()
    controller.abort("reason")
    assert.equal("reason", controller.signal.reason)
  end)

  it("calls each listener once, in order, and not the removed", function()
    local controller, order = dgram.AbortController(), {}
    local signal = controller.signal
    local function a() order[#order + 1] = "a" end
    local function b() order[#order + 1] = "b" end
    local function c() order[#order + 1] = "c" end
    signal:addEventListener("abort", a)
    signal:addEventListener("abort", b)
    signal:addEventListener("abort", a)
    signal:addEventListener("abort", c)
    signal:addEventListener("other", c)
    signal:removeEventListener("abort", b)
    signal:removeEventListener("abort", b)
    controller:abort()
    assert.same({ "a", "c" }, order)
  end)

  it("calls all listeners, and raises what the first one raised", function()
    local controller, called = dgram.AbortController(), 0
    for i = 1, 3 do
      controller.signal:addEventListener("abort", function()
        called = called + 1
        if i > 1 then error("raised by " .. i, 0) end
      end)
    end
    assert.equal("raised by 2", helper.raised(controller.abort, controller))
    assert.equal(3, called)
    controller:abort()
    assert.equal(3, called)
  end)

  it("does not call a listener that an earlier one removed", function()
    local controller, called = dgram.AbortController(), false
    local signal = controller.signal
    local function second() called = true end
    signal:addEventListener("abort", function()
      signal:removeEventListener("abort", second)
    end)
    signal:addEventListener("abort", second)
    controller:abort()
    assert.is_false(called)
  end)
end)

for name, new in pairs {
  ["our AbortController"] = function()
    local controller = dgram.AbortController()
    return controller.signal, function() controller:abort() end
  end,
  ["somebody else's signal"] = function()
    local signal = foreign_signal()
    return signal, function() signal:abort() end
  end,
} do
  describe("a socket with " .. name, function()
    it("closes when it aborts", function()
      helper.run(function()
        local signal, abort = new()
        local socket = helper.bound { type = "udp4", signal = signal }
        socket:on("close", helper.expect())
        socket:on("error", helper.expect(0))
        abort()
        helper.has({ code = "ERR_SOCKET_DGRAM_NOT_RUNNING" },
          helper.raised(socket.close, socket))
      end)
    end)

    it("closes before it is bound", function()
      helper.run(function()
        local signal, abort = new()
        local socket = dgram.createSocket { type = "udp4", signal = signal }
        socket:on("listening", helper.expect(0))
        socket:bind(0, "127.0.0.1")
        socket:on("close", helper.expect())
        abort()
      end)
    end)

    it("closes all the sockets that have it", function()
      helper.run(function()
        local signal, abort = new()
        for _ = 1, 3 do
          helper.bound({ type = "udp4", signal = signal }):on("close", helper.expect())
        end
        abort()
      end)
    end)

    it("that was closed before hears nothing of it", function()
      helper.run(function()
        local signal, abort = new()
        local socket = helper.bound { type = "udp4", signal = signal }
        helper.closed(socket)
        assert.is_nil(next(signal.listeners or {}))
        abort()
      end)
    end)

    it("that is being closed hears nothing of it", function()
      helper.run(function()
        local signal, abort = new()
        local socket = helper.bound { type = "udp4", signal = signal }
        socket:close(helper.expect())
        abort()
      end)
    end)
  end)
end

describe("a signal that is aborted already", function()
  it("closes the socket, and 'close' can still be heard", function()
    helper.run(function()
      for _, signal in ipairs { foreign_signal(true), (function()
        local controller = dgram.AbortController()
        controller:abort()
        return controller.signal
      end)() } do
        local socket = dgram.createSocket { type = "udp4", signal = signal }
        socket:on("close", helper.expect())
        helper.has({ code = "ERR_SOCKET_DGRAM_NOT_RUNNING" },
          helper.raised(socket.bind, socket))
      end
    end)
  end)
end)

describe("the option signal", function()
  for name, signal in pairs { ["text"] = "signal", ["an empty table"] = {},
    ["aborted no boolean"] = { aborted = 1, addEventListener = print },
    ["no addEventListener"] = { aborted = false },
    ["no removeEventListener"] = { aborted = false, addEventListener = print } } do
    it("refuses " .. name, function()
      local err = helper.raised(dgram.createSocket, { type = "udp4", signal = signal })
      helper.has({ code = "ERR_INVALID_ARG_TYPE", name = "TypeError" }, err)
      assert.truthy(err.message:find('^The "options.signal" property must be '))
    end)
  end
end)
