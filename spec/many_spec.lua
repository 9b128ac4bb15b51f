-- sendMany in every form and misuse, and what its callback is told.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"

local numbered, receiver, full_peer, finish =
  traffic.numbered, traffic.receiver, traffic.full_peer, traffic.finish

local KINDS = { "udp4", "udp6", "unix_dgram" }

describe("sendMany", function()
  -- Sends a list in every form each kind of socket has.
  local udp_forms = {
    ["port"] = function(client, list, to)
      client:sendMany(list, to.port)
    end,
    ["port as text, address"] = function(client, list, to)
      client:sendMany(list, tostring(to.port), to.address)
    end,
    ["port, callback"] = function(client, list, to, callback)
      client:sendMany(list, to.port, callback)
    end,
    ["port, nil, callback"] = function(client, list, to, callback)
      client:sendMany(list, to.port, nil, callback)
    end,
    ["port, empty address, callback"] = function(client, list, to, callback)
      client:sendMany(list, to.port, "", callback)
    end,
    ["port, address, callback"] = function(client, list, to, callback)
      client:sendMany(list, to.port, to.address, callback)
    end,
    ["callback, connected"] = function(client, list, to, callback)
      client:connectSync(to.port, to.address)
      client:sendMany(list, callback)
    end,
    ["connected"] = function(client, list, to)
      client:connectSync(to.port, to.address)
      client:sendMany(list)
    end,
  }
  local unix_forms = {
    ["path"] = function(client, list, to)
      client:sendMany(list, to.address)
    end,
    ["path, callback"] = function(client, list, to, callback)
      client:sendMany(list, to.address, callback)
    end,
    ["callback, connected"] = function(client, list, to, callback)
      client:connect(to.address, function()
        client:sendMany(list, callback)
      end)
    end,
  }

  for _, kind in ipairs(KINDS) do
    for form, send in pairs(helper.LOOPBACK[kind] and udp_forms or unix_forms) do
      it(("of %s sends each string: messages, %s"):format(kind, form), function()
        helper.run(function()
          local server, heard, to = receiver(kind)
          local client, inside = dgram.createSocket(kind), true
          local list = { "one", "", "three", "\0\255", "three", "three", "no" }
          local calls = form:find("callback", 1, true) and 1 or 0
          send(client, list, to, helper.expect(calls, function(err, count)
            assert.is_false(inside)
            assert.is_nil(err)
            assert.equal(#list, count)
          end))
          inside = false
          finish(list, heard, server, client)
        end)
      end)
    end
  end

  it("of many goes through every flush, in order", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client, list = dgram.createSocket("udp4"), numbered(700)
      client:sendMany(list, to.port, to.address, helper.sent(700))
      finish(list, heard, server, client)
    end)
  end)

  it("keeps its place among sends, as do the callbacks", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client, order = dgram.createSocket("udp4"), {}
      for i = 1, 20 do
        local function callback() order[#order + 1] = i end
        if i % 2 == 0 then client:send("single", to.port, callback)
        else client:sendMany({ "first", "second" }, to.port, callback) end
      end
      helper.fill(order, 20)
      for i = 1, 20 do assert.equal(i, order[i]) end
      helper.fill(heard, 30)
      for i = 1, 30, 3 do
        assert.same({ "first", "second", "single" },
          { heard[i], heard[i + 1], heard[i + 2] })
      end
      helper.close(server, client)
    end)
  end)

  it("of nothing calls back with 0, later", function()
    helper.run(function()
      local client, inside = dgram.createSocket("udp4"), true
      assert.is_true(client:sendMany({}, 9, helper.expect(function(err, count)
        assert.is_false(inside)
        assert.is_nil(err)
        assert.equal(0, count)
      end)))
      inside = false
      client:close()
    end)
  end)

  -- States in which the messages have to wait; what ends the wait.
  local waits = {
    ["a bind"] = { "me.test", "127.0.0.1" },
    ["a lookup"] = { "127.0.0.1", "you.test" },
  }

  for what, names in pairs(waits) do
    it("takes the messages as they are, although it waits for " .. what, function()
      helper.run(function()
        local server, heard, to = receiver()
        local client, asked = traffic.asking()
        client:bind(0, names[1])
        if names[2] == "you.test" then asked[1].done(nil, "127.0.0.1") end
        local list = numbered(5)
        client:sendMany(list, to.port, names[2], helper.sent(5))
        assert.equal(5, client:getSendQueueCount())
        assert.equal(5, client:getSendQueueSize())
        list[1], list[2], list[6] = "changed", nil, "more"
        asked[#asked].done(nil, "127.0.0.1")
        finish(numbered(5), heard, server, client)
      end)
    end)
  end

  it("looks a name up once", function()
    helper.run(function()
      local server, heard, to = receiver()
      local asked = {}
      local client = dgram.createSocket { type = "udp4", lookup = function(host, _, done)
        asked[#asked + 1] = host
        done(nil, "127.0.0.1")
      end }
      client:sendMany(numbered(5), to.port, "name.test")
      helper.fill(heard, 5)
      assert.same({ "0.0.0.0", "name.test" }, asked)
      finish(numbered(5), heard, server, client)
    end)
  end)
end)

describe("sendMany misused", function()
  local TYPE, PORT = "ERR_INVALID_ARG_TYPE", "ERR_SOCKET_BAD_PORT"
  local VALUE = "ERR_INVALID_ARG_VALUE"

  -- The arguments, the code, and what the message names.
  local cases = {
    { "no messages", { nil, 9 }, TYPE, '"messages"' },
    { "a string", { "text", 9 }, TYPE, '"messages"' },
    { "a number", { 5, 9 }, TYPE, '"messages"' },
    { "a function", { print, 9 }, TYPE, '"messages"' },
    { "an object that seems empty", { setmetatable({}, { __index = { "a" } }), 9 }, TYPE,
      '"messages"' },
    { "a number among them", { { "a", 5 }, 9 }, TYPE, '"messages[2]"' },
    { "a table among them", { { {} }, 9 }, TYPE, '"messages[1]"' },
    { "false among them", { { "a", "b", false }, 9 }, TYPE, '"messages[3]"' },
    { "no port", { { "a" } }, PORT, "Received nil" },
    { "no port, for nothing", { {} }, PORT, "Received nil" },
    { "a callback for a port", { { "a" }, print }, PORT, "Received function" },
    { "port 0", { { "a" }, 0 }, PORT, "(0)" },
    { "port 65536", { { "a" }, 65536 }, PORT, "(65536)" },
    { "half a port", { { "a" }, 1.5 }, PORT, "(1.5)" },
    { "a port that is a word", { { "a" }, "word" }, PORT, "('word')" },
    { "an address that is a number", { { "a" }, 9, 5 }, TYPE, '"address"' },
    { "an option that there is not", { { "a" }, 9, { tll = 3 } }, VALUE, "'ttl'" },
    { "port and address, as send does", { { "a" }, 0, 5 }, PORT, "(0)" },
    { "unix: no path", { { "a" } }, TYPE, '"path"', "unix_dgram" },
    { "unix: a number", { { "a" }, 9 }, TYPE, '"path"', "unix_dgram" },
  }

  for _, case in ipairs(cases) do
    local name, arguments, code, text, kind = case[1], case[2], case[3], case[4], case[5]
    it("raises " .. code .. " for " .. name, function()
      helper.run(function()
        local socket = dgram.createSocket(kind or "udp4")
        local err = helper.raised(socket.sendMany, socket, arguments[1],
          arguments[2], arguments[3], helper.expect(0))
        assert.equal(code, err.code)
        assert.truthy(err.message:find(text, 1, true), err.message)
        assert.equal(0, socket:getSendQueueCount())
        socket:close()
      end)
    end)
  end

  it("reads the messages raw", function()
    helper.run(function()
      local server, heard, to = receiver()
      local list = setmetatable({ "one", "two" }, {
        __index = function() error "read" end,
        __len = function() error "measured" end,
      })
      server:sendMany(list, to.port, to.address, helper.expect())
      finish({ "one", "two" }, heard, server)
    end)
  end)

  it("with a port raises ERR_SOCKET_DGRAM_IS_CONNECTED when connected", function()
    helper.run(function()
      local server, _, to = receiver()
      local client = dgram.createSocket("udp4")
      client:connectSync(to.port, to.address)
      for _, arguments in ipairs { { to.port }, { to.port, to.address }, { nil, "::1" } } do
        local err = helper.raised(client.sendMany, client, { "x" }, arguments[1],
          arguments[2])
        assert.equal("ERR_SOCKET_DGRAM_IS_CONNECTED", err.code)
      end
      helper.close(server, client)
    end)
  end)

  it("raises ERR_SOCKET_DGRAM_NOT_RUNNING after close, for nothing too", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      socket:close()
      for _, list in ipairs { { "x" }, {} } do
        local err = helper.raised(socket.sendMany, socket, list, 9, helper.expect(0))
        assert.equal("ERR_SOCKET_DGRAM_NOT_RUNNING", err.code)
      end
    end)
  end)
end)

describe("sendMany that fails in part", function()
  local LARGE = ("x"):rep(65508)

  -- The messages, and how many go.
  local lists = {
    ["at the first"] = { { LARGE, "a", "b" }, 2 },
    ["at the last"] = { { "a", "b", LARGE }, 2 },
    ["in the middle"] = { { "a", "a", LARGE, "a", "a" }, 4 },
    ["at every second"] = { { "a", LARGE, "b", LARGE, "c", LARGE }, 3 },
    ["everywhere"] = { { LARGE, LARGE }, 0 },
  }

  for where, case in pairs(lists) do
    local list, count = case[1], case[2]
    it(where .. " tells the first error once, and how many went", function()
      helper.run(function()
        local server, heard, to = receiver()
        local client, sent = dgram.createSocket("udp4"), {}
        for _, msg in ipairs(list) do
          if msg ~= LARGE then sent[#sent + 1] = msg end
        end
        client:on("error", helper.expect(0))
        client:sendMany(list, to.port, to.address, helper.expect(function(err, n)
          helper.has({ code = "EMSGSIZE", syscall = "send", address = to.address,
            port = to.port }, err)
          assert.equal(count, n)
          helper.has({ sent = count, sendErrors = #list - count }, client:stats())
        end))
        finish(sent, heard, server, client)
      end)
    end)
  end

  it("tells 'error' when it has no callback", function()
    helper.run(function()
      local server, heard, to = receiver()
      local client = dgram.createSocket("udp4")
      client:on("error", helper.expect(2, function(err)
        assert.equal("EMSGSIZE", err.code)
      end))
      client:sendMany({ "a", LARGE, "b", LARGE }, to.port)
      finish({ "a", "b" }, heard, server, client)
    end)
  end)

  it("because the socket closes counts those that went before", function()
    helper.run(function()
      local server, _, path = full_peer()
      local client = dgram.createSocket { type = "unix_dgram", linger = 0 }
      client:sendMany(numbered(100), path, helper.expect(function(err, count)
        assert.equal("ECANCELED", err.code)
        assert.equal(client:stats().sent, count)
        assert.is_true(count > 0 and count < 100)
      end))
      helper.close(client, server)
    end)
  end)

  -- What fails as a whole: options, an address, the code.
  local whole = {
    ["a lookup fails"] = { { lookup = function(host, _, done)
      done(host == "nowhere.test" and { code = "ENOTFOUND" } or nil, host)
    end }, "nowhere.test", "ENOTFOUND" },
    ["the bind's lookup fails"] = { { lookup = function(_, _, done)
      done { code = "ENOTFOUND" }
    end }, "127.0.0.1", "ENOTFOUND" },
    ["the destination is blocked"] = { { sendBlockList = (function()
      local list = dgram.BlockList()
      list:addAddress("127.0.0.1")
      return list
    end)() }, "127.0.0.1", "ERR_IP_BLOCKED" },
    ["the address is of another family"] = { {}, "::1", "EINVAL" },
  }

  for what, case in pairs(whole) do
    it("calls back once, with 0, when " .. what, function()
      helper.run(function()
        case[1].type = "udp4"
        local client = dgram.createSocket(case[1])
        client:on("error", function() end)
        client:sendMany(numbered(5), 9, case[2], helper.expect(function(err, count)
          assert.equal(case[3], err.code)
          assert.equal(0, count)
          helper.has({ sent = 0, sendErrors = 5, queued = 0 }, client:stats())
          client:close()
        end))
      end)
    end)
  end
end)
