-- Every public function with arguments that are wrong: each raises the error
-- that is documented, and harms nothing: the socket still works afterwards, and
-- no descriptor is lost (helper.run sees to that).
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"

-- A table that raises whatever is done with it.
local function hostile()
  local function refuse() error("a metamethod was called", 0) end
  return setmetatable({}, {
    __index = refuse, __newindex = refuse, __len = refuse, __tostring = refuse,
    __eq = refuse, __lt = refuse, __le = refuse, __concat = refuse, __pairs = refuse,
    __unm = refuse, __add = refuse, __sub = refuse, __mod = refuse, __div = refuse,
  })
end

-- What is passed: a name and the value.
local NAN, INFINITY = 0 / 0, math.huge
local values = {
  { "nil", nil }, { "false", false }, { "true", true },
  { "NaN", NAN }, { "-NaN", -NAN }, { "infinity", INFINITY }, { "-infinity", -INFINITY },
  { "a negative number", -1 }, { "a fraction", 1.5 }, { "too large", 2 ^ 31 },
  { "far too large", 2 ^ 53 }, { "beyond integers", 2 ^ 64 },
  { "the least integer", math.mininteger or -2 ^ 63 },
  { "text", "text" }, { "empty text", "" }, { "text with a zero", "1\0" },
  { "a table", {} }, { "a function", function() end },
  { "a coroutine", coroutine.create(function() end) }, { "a userdata", io.stdout },
  { "a hostile table", hostile() },
}

local NUMBERS = { ["NaN"] = true, ["-NaN"] = true, ["infinity"] = true,
  ["-infinity"] = true, ["a negative number"] = true, ["a fraction"] = true,
  ["too large"] = true, ["far too large"] = true, ["beyond integers"] = true,
  ["the least integer"] = true }
local TABLES = { ["a table"] = true, ["a hostile table"] = true } -- options, empty
local TEXTS = { ["text"] = true, ["empty text"] = true, ["text with a zero"] = true }

-- The errors, as code and name.
local BAD_PORT = { code = "ERR_SOCKET_BAD_PORT", name = "RangeError" }
local BAD_TYPE = { code = "ERR_SOCKET_BAD_TYPE", name = "TypeError" }
local ARG_TYPE = { code = "ERR_INVALID_ARG_TYPE", name = "TypeError" }
local ARG_VALUE = { code = "ERR_INVALID_ARG_VALUE", name = "TypeError" }
local BOUNDS = { code = "ERR_BUFFER_OUT_OF_BOUNDS", name = "RangeError" }
local RANGE = { code = "ERR_OUT_OF_RANGE", name = "RangeError" }
local BUFFER = { code = "ERR_SOCKET_BAD_BUFFER_SIZE", name = "TypeError" }
local MISSING = { code = "ERR_MISSING_ARGS", name = "TypeError" }
local ADDRESS = { code = "ERR_INVALID_ADDRESS", name = "Error" }
local SYSTEM = { name = "Error" }

-- An error for numbers, another for all else.
local function numbers(of_numbers, of_others)
  return function(name) return NUMBERS[name] and of_numbers or of_others end
end

-- An error for texts, another for all else.
local function texts(of_texts, of_others)
  return function(name) return TEXTS[name] and of_texts or of_others end
end

-- Whether a name is in one of the sets or lists.
local function among(name, sets)
  for _, set in ipairs(sets) do
    if set == name or type(set) == "table" and set[name] then return true end
  end
  return false
end

-- Calls with one wrong value and looks at the error.
local function check_one(row, subject, name, value)
  if among(name, row.fine or {}) then return end
  local ok, err = pcall(row[2], subject, value)
  local wanted = type(row[3]) == "function" and row[3](name) or row[3]
  local what = row[1] .. " with " .. name
  assert(not ok, what .. " raises nothing")
  assert(type(err) == "table", what .. " raises " .. tostring(err))
  for field, want in pairs(wanted) do
    assert(err[field] == want, ("%s raises %s (%s)"):format(what, tostring(err),
      tostring(err.code)))
  end
  assert(err.name ~= "Error" or err.code, what .. " raises an error without a code")
  tostring(err)
  if wanted.code == "ERR_INVALID_ARG_TYPE" and row.named then
    assert(err.message:find('^The "' .. row.named .. '" '), err.message)
  end
end

-- Shows that a socket still sends and hears.
local function still_works(socket, inbox)
  local to = socket:address()
  socket:send("still here", to.port or to.address, helper.sent())
  assert.same({ "still here" }, helper.messages(helper.fill(inbox)))
end

-- A spec for each row: { what, call(socket, value), the error, fine = values that
-- are no mistake, named = the argument's name in the message }.
local function describe_rows(title, rows, open)
  describe(title, function()
    for _, row in ipairs(rows) do
      it("refuses a wrong " .. row[1], function()
        helper.run(function()
          local socket, inbox = open()
          for _, each in ipairs(values) do check_one(row, socket, each[1], each[2]) end
          if inbox then still_works(socket, inbox) end
          if socket then socket:close() end
        end)
      end)
    end
  end)
end

describe_rows("createSocket", {
  { "type", function(_, v) dgram.createSocket(v) end, BAD_TYPE,
    fine = { "a hostile table" } },
  { "option type", function(_, v) dgram.createSocket { type = v } end, BAD_TYPE },
  { "option type among others", function(_, v)
    dgram.createSocket { type = v, reuseAddr = true }
  end, BAD_TYPE },
  { "option lookup", function(_, v)
    dgram.createSocket { type = "udp4", lookup = v }
  end, ARG_TYPE, fine = { "nil", "a function" }, named = "lookup" },
  { "option signal", function(_, v)
    dgram.createSocket { type = "udp4", signal = v }
  end, ARG_TYPE, fine = { "nil" }, named = "options.signal" },
  { "option receiveBlockList", function(_, v)
    dgram.createSocket { type = "udp4", receiveBlockList = v }
  end, ARG_TYPE, fine = { "nil" }, named = "options.receiveBlockList" },
  { "option sendBlockList", function(_, v)
    dgram.createSocket { type = "udp4", sendBlockList = v }
  end, ARG_TYPE, fine = { "nil" }, named = "options.sendBlockList" },
  { "option recvBufferSize", function(_, v)
    dgram.createSocket { type = "udp4", recvBufferSize = v }
  end, numbers(RANGE, ARG_TYPE), fine = { "nil", "too large" } },
  { "option sendBufferSize", function(_, v)
    dgram.createSocket { type = "udp4", sendBufferSize = v }
  end, numbers(RANGE, ARG_TYPE), fine = { "nil", "too large" } },
}, function() end)

-- The error for a wrong multicast group.
local function no_group(name)
  if name == "nil" or name == "empty text" then return MISSING end
  return TEXTS[name] and SYSTEM or ARG_TYPE
end

-- Memberships of a socket, by the family's addresses.
local function membership_rows(group, source)
  local function interface(name)
    return TEXTS[name] and SYSTEM or NUMBERS[name] and RANGE or ARG_TYPE
  end
  local rows = {
    { "group to addMembership", function(s, v) s:addMembership(v) end,
      no_group },
    { "group to dropMembership", function(s, v) s:dropMembership(v) end,
      no_group },
    { "source address", function(s, v) s:addSourceSpecificMembership(v, group) end,
      texts(SYSTEM, ARG_TYPE), named = "sourceAddress" },
    { "group of a source", function(s, v) s:addSourceSpecificMembership(source, v) end,
      texts(SYSTEM, ARG_TYPE), fine = { "empty text" }, named = "groupAddress" },
    { "source address to drop",
      function(s, v) s:dropSourceSpecificMembership(v, group) end,
      texts(SYSTEM, ARG_TYPE), named = "sourceAddress" },
    { "group of a source to drop",
      function(s, v) s:dropSourceSpecificMembership(source, v) end,
      texts(SYSTEM, ARG_TYPE), fine = { "empty text" }, named = "groupAddress" },
    { "interface to setMulticastInterface",
      function(s, v) s:setMulticastInterface(v) end, interface },
  }
  for _, method in ipairs { "addMembership", "dropMembership" } do
    rows[#rows + 1] = { "interface to " .. method,
      function(s, v) s[method](s, group, v) end, interface, fine = { "nil" } }
  end
  for _, method in ipairs { "addSourceSpecificMembership",
    "dropSourceSpecificMembership" } do
    rows[#rows + 1] = { "interface to " .. method,
      function(s, v) s[method](s, source, group, v) end, interface, fine = { "nil" } }
  end
  return rows
end

-- What both families of UDP refuse when they are bound.
local function udp_rows(loopback)
  return {
    { "message", function(s, v) s:send(v, 9, loopback) end, ARG_TYPE,
      fine = { TEXTS, "a table" }, named = "buffer" },
    { "message of a slice", function(s, v) s:send(v, 0, 0, 9, loopback) end, ARG_TYPE,
      fine = { TEXTS, "a table" }, named = "buffer" },
    { "string of an array", function(s, v) s:send({ "a", v, "b" }, 9, loopback) end,
      ARG_TYPE, fine = { "nil", TEXTS }, named = "buffer list arguments" },
    { "offset", function(s, v) s:send("abc", v, 1, 9, loopback) end,
      numbers(BOUNDS, ARG_TYPE), named = "offset" },
    { "length", function(s, v) s:send("abc", 0, v, 9, loopback) end,
      numbers(BOUNDS, ARG_TYPE), named = "length" },
    { "port", function(s, v) s:send("abc", v, loopback) end, BAD_PORT },
    { "port alone", function(s, v) s:send("abc", v) end, BAD_PORT },
    { "port behind a slice", function(s, v) s:send("abc", 0, 3, v, loopback) end,
      BAD_PORT },
    { "address", function(s, v) s:send("abc", 9, v) end, ARG_TYPE,
      fine = { "nil", TEXTS, "a function", TABLES }, named = "address" },
    { "address behind a slice", function(s, v) s:send("abc", 0, 3, 9, v) end, ARG_TYPE,
      fine = { "nil", TEXTS, "a function", TABLES }, named = "address" },
    { "offset to sendto", function(s, v) s:sendto("abc", v, 1, 9, loopback) end,
      numbers(BOUNDS, ARG_TYPE), named = "offset" },
    { "length to sendto", function(s, v) s:sendto("abc", 0, v, 9, loopback) end,
      numbers(BOUNDS, ARG_TYPE), named = "length" },
    { "port to sendto", function(s, v) s:sendto("abc", 0, 3, v, loopback) end,
      numbers(BAD_PORT, ARG_TYPE), named = "port" },
    { "address to sendto", function(s, v) s:sendto("abc", 0, 3, 9, v) end, ARG_TYPE,
      fine = { TEXTS }, named = "address" },
    { "port to connect", function(s, v) s:connect(v, loopback) end, BAD_PORT },
    { "address to connect", function(s, v) s:connect(9, v) end, ARG_TYPE,
      fine = { "nil", TEXTS, "a function" }, named = "address" },
    { "port to connectSync", function(s, v) s:connectSync(v, loopback) end, BAD_PORT },
    { "address to connectSync", function(s, v) s:connectSync(9, v) end,
      texts(ARG_VALUE, ARG_TYPE), fine = { "nil", "empty text" } },
    { "ttl", function(s, v) s:setTTL(v) end,
      numbers({ code = "EINVAL", syscall = "setTTL" }, ARG_TYPE),
      fine = { "a fraction" }, named = "ttl" },
    { "multicast ttl", function(s, v) s:setMulticastTTL(v) end,
      numbers({ code = "EINVAL", syscall = "setMulticastTTL" }, ARG_TYPE),
      fine = { "a fraction" }, named = "ttl" },
    { "receive buffer size", function(s, v) s:setRecvBufferSize(v) end, BUFFER,
      fine = { "too large" } },
    { "send buffer size", function(s, v) s:setSendBufferSize(v) end, BUFFER,
      fine = { "too large" } },
  }
end

for kind, loopback in pairs(helper.LOOPBACK) do
  describe_rows("a bound " .. kind .. " socket", udp_rows(loopback), function()
    return helper.bound(kind)
  end)
end

describe_rows("a udp4 socket", membership_rows("230.1.2.3", "127.0.0.1"), function()
  return helper.bound("udp4")
end)
describe_rows("a udp6 socket", membership_rows("ff02::1:2", "::1"), function()
  return helper.bound("udp6")
end)

describe_rows("bind", {
  { "port", function(s, v) s:bind(v) end, BAD_PORT,
    fine = { "nil", "false", "a table", "a function", "a hostile table" } },
  { "address", function(s, v) s:bind(0, v) end, ARG_TYPE,
    fine = { "nil", "a function", TEXTS }, named = "address" },
  { "option port", function(s, v) s:bind { port = v } end, BAD_PORT,
    fine = { "nil", "false" } },
  { "option address", function(s, v) s:bind { address = v } end, ARG_TYPE,
    fine = { "nil", TEXTS }, named = "address" },
  { "option fd", function(s, v) s:bind { fd = v } end, numbers(RANGE, ARG_TYPE),
    fine = { "nil" } },
  { "table of options to bindSync", function(s, v) s:bindSync(v) end, ARG_TYPE,
    fine = { "nil", "a table", "a hostile table" } },
  { "option port to bindSync", function(s, v) s:bindSync { port = v } end, BAD_PORT,
    fine = { "nil", "false" } },
  { "option address to bindSync", function(s, v) s:bindSync { address = v } end,
    texts(ARG_VALUE, ARG_TYPE), fine = { "nil", "empty text" } },
}, function()
  local socket, inbox = dgram.createSocket("udp4"), {}
  socket:on("message", function(msg) inbox[#inbox + 1] = { msg = msg } end)
  local close = socket.close
  socket.close = function() -- it is unbound still; it binds now, and works
    socket:bindSync { address = "127.0.0.1" }
    still_works(socket, inbox)
    close(socket)
  end
  return socket
end)

describe_rows("a unix_dgram socket", {
  { "message", function(s, v) s:send(v, "path") end, ARG_TYPE,
    fine = { TEXTS, "a table" }, named = "buffer" },
  { "path", function(s, v) s:send("x", v) end, ARG_TYPE, fine = { TEXTS }, named = "path" },
  { "offset", function(s, v) s:send("abc", v, 1, "path") end,
    numbers(BOUNDS, ARG_TYPE), fine = { TEXTS } },
  { "length", function(s, v) s:send("abc", 0, v, "path") end,
    numbers(BOUNDS, ARG_TYPE) },
  { "path behind a slice", function(s, v) s:send("abc", 0, 3, v) end, ARG_TYPE,
    fine = { TEXTS } },
  { "offset to sendto", function(s, v) s:sendto("abc", v, 1, "path") end,
    numbers(BOUNDS, ARG_TYPE) },
  { "length to sendto", function(s, v) s:sendto("abc", 0, v, "path") end,
    numbers(BOUNDS, ARG_TYPE) },
  { "path to sendto", function(s, v) s:sendto("abc", 0, 3, v) end, ARG_TYPE,
    fine = { TEXTS } },
  { "path to connect", function(s, v) s:connect(v) end, ARG_TYPE, fine = { TEXTS } },
  { "path to connectSync", function(s, v) s:connectSync(v) end,
    function(name)
      if name == "empty text" then return { code = "ERR_INVALID_ARG_VALUE" } end
      return texts(SYSTEM, ARG_TYPE)(name)
    end },
  { "ttl", function(s, v) s:setTTL(v) end, numbers(SYSTEM, ARG_TYPE) },
  { "group", function(s, v) s:addMembership(v) end, no_group },
  { "interface", function(s, v) s:setMulticastInterface(v) end,
    function(name)
      return TEXTS[name] and SYSTEM or NUMBERS[name] and RANGE or ARG_TYPE
    end },
  { "receive buffer size", function(s, v) s:setRecvBufferSize(v) end, BUFFER,
    fine = { "too large" } },
}, function() return helper.bound("unix_dgram") end)

describe_rows("a path to bind", {
  { "path", function(s, v) s:bind(v) end, ARG_TYPE,
    fine = { "nil", "false", TEXTS, "a table", "a function", "a hostile table" } },
  { "option path", function(s, v) s:bind { path = v } end, ARG_TYPE,
    fine = { "nil", "false", TEXTS } },
}, function() return dgram.createSocket("unix_dgram") end)

do
  local rows = {}
  for _, method in ipairs { "on", "addListener", "once", "prependListener",
    "prependOnceListener", "off", "removeListener" } do
    rows[#rows + 1] = { "listener to " .. method,
      function(s, v) s[method](s, "message", v) end, ARG_TYPE,
      fine = { "a function" }, named = "listener" }
  end
  describe_rows("the emitter", rows, function() return helper.bound("udp4") end)
end

do
  local rows, list = {}, dgram.BlockList()
  local address = texts(ADDRESS, ARG_TYPE)
  for _, row in ipairs {
    { "address", function(_, v) list:addAddress(v) end, address },
    { "IPv6 address", function(_, v) list:addAddress(v, "ipv6") end, address },
    { "family", function(_, v) list:addAddress("127.0.0.1", v) end,
      texts(ARG_VALUE, ARG_TYPE), fine = { "nil" } },
    { "start", function(_, v) list:addRange(v, "127.0.0.9") end, address },
    { "end", function(_, v) list:addRange("127.0.0.1", v) end, address },
    { "network", function(_, v) list:addSubnet(v, 8) end, address },
    { "prefix", function(_, v) list:addSubnet("127.0.0.0", v) end,
      numbers(RANGE, ARG_TYPE) },
    { "address to check", function(_, v) list:check(v) end, ARG_TYPE,
      fine = { TEXTS } },
  } do rows[#rows + 1] = row end
  describe_rows("BlockList", rows, function() end)

  it("BlockList holds nothing after all this", function()
    assert.same({}, list.rules)
    assert.is_false(list:check("127.0.0.1"))
    assert.is_false(list:check("text"))
  end)
end

-- Ports in particular, as numbers and as text.
describe("a port", function()
  for _, port in ipairs { 0, 65536, -0.0, 65535.5, "0", "65536", "-1", "1.5", "0x",
    "80 80", " ", "nan", "inf", "١" } do
    it(("of %s (%s) is refused"):format(port, type(port)), function()
      helper.run(function()
        local socket = helper.bound("udp4")
        helper.has(BAD_PORT, helper.raised(socket.send, socket, "x", port, "127.0.0.1"))
        helper.has(BAD_PORT, helper.raised(socket.connect, socket, port))
        socket:close()
      end)
    end)
  end

  for received, port in pairs { ["type number (0)"] = 0, ["type number (-1)"] = -1,
    ["type number (65536)"] = 65536, ["type number (NaN)"] = NAN,
    ["type string ('x')"] = "x", ["type boolean (true)"] = true } do
    it("is told in the message: " .. received, function()
      helper.run(function()
        local socket = helper.bound("udp4")
        local err = helper.raised(socket.send, socket, "x", port, "127.0.0.1")
        assert.equal("Port should be > 0 and < 65536. Received " .. received .. ".",
          err.message)
        socket:close()
      end)
    end)
  end
end)

-- Slices in particular: offset and length of "abc".
describe("a slice of 3 bytes", function()
  for _, bad in ipairs { { -1, 1, "offset" }, { 4, 0, "offset" }, { 0, -1, "length" },
    { 0, 4, "length" }, { 3, 1, "length" }, { 1, 3, "length" }, { 2 ^ 52, 0, "offset" },
    { 0, 2 ^ 53, "length" }, { 1.5, 1, "offset" }, { 0, 1.5, "length" } } do
    it(("at %s of %s is out of bounds"):format(bad[1], bad[2]), function()
      helper.run(function()
        local socket = helper.bound("udp4")
        local err = helper.raised(socket.send, socket, "abc", bad[1], bad[2], 9)
        helper.has({ code = "ERR_BUFFER_OUT_OF_BOUNDS", name = "RangeError",
          message = ('"%s" is outside of buffer bounds'):format(bad[3]) }, err)
        socket:close()
      end)
    end)
  end
end)

describe("errors of send come in the documented order:", function()
  -- Everything is wrong; each row mends one argument more.
  local order = {
    { { "abc", 9, 9, 0, 5 }, BOUNDS },
    { { "abc", 0, 3, 0, 5 }, BAD_PORT },
    { { "abc", 0, 3, 9, 5 }, ARG_TYPE },
    { { "abc", 0, 3, 9, "127.0.0.1" },
      { code = "ERR_SOCKET_DGRAM_NOT_RUNNING", name = "Error" } },
    { { 5, 0, "127.0.0.1" }, ARG_TYPE },
    { { { 5 }, 0, "127.0.0.1" }, ARG_TYPE },
  }
  for i, row in ipairs(order) do
    it(row[2].code .. " (" .. i .. ")", function()
      helper.run(function()
        local socket = helper.bound("udp4")
        socket:close()
        helper.has(row[2], helper.raised(socket.send, socket, table.unpack(row[1])))
      end)
    end)
  end

  for _, row in ipairs {
    { { "abc", nil, nil, nil, nil }, "offset" }, { { "abc", 0, nil, nil, nil }, "length" },
    { { "abc", 0, 3, nil, nil }, "port" }, { { "abc", 0, 3, 9, nil }, "address" },
  } do
    it("sendto needs its " .. row[2], function()
      helper.run(function()
        local socket = helper.bound("udp4")
        local err = helper.raised(socket.sendto, socket, table.unpack(row[1], 1, 5))
        helper.has(ARG_TYPE, err)
        assert.truthy(err.message:find('^The "' .. row[2] .. '" argument must be of type'))
        assert.truthy(err.message:find("%. Received nil$"))
        socket:close()
      end)
    end)
  end
end)

describe("after close", function()
  local NOT_RUNNING = { code = "ERR_SOCKET_DGRAM_NOT_RUNNING", name = "Error",
    message = "Not running" }
  local calls = {
    bind = { 0 }, bindSync = {}, connect = { 9 }, connectSync = { 9 },
    remoteAddress = {}, send = { "x", 9 }, sendto = { "x", 0, 1, 9, "127.0.0.1" },
    close = {}, address = {}, setBroadcast = { true }, setTTL = { 5 },
    setMulticastTTL = { 5 }, setMulticastLoopback = { true },
    setMulticastInterface = { "127.0.0.1" }, addMembership = { "230.1.1.1" },
    dropMembership = { "230.1.1.1" },
    addSourceSpecificMembership = { "127.0.0.1", "232.1.1.1" },
    dropSourceSpecificMembership = { "127.0.0.1", "232.1.1.1" },
    getRecvBufferSize = {}, setRecvBufferSize = { 5000 }, getSendBufferSize = {},
    setSendBufferSize = { 5000 }, setTypeOfService = { 8 }, getTypeOfService = {},
    setDontFragment = { true }, getMTU = {}, setOption = { "priority", 1 },
    getOption = { "priority" },
  }
  for name, args in pairs(calls) do
    it(name .. " raises Not running, at once and for ever", function()
      helper.run(function()
        local socket, closed = helper.bound("udp4"), false
        socket:close(function() closed = true end)
        for _ = 1, 2 do
          helper.has(NOT_RUNNING, helper.raised(socket[name], socket, table.unpack(args)))
          helper.wait(function() return closed end)
        end
      end)
    end)
  end

  it("ref, unref, fileno and the emitter are harmless", function()
    helper.run(function()
      local socket = helper.bound("udp4")
      for _ = 1, 2 do
        if socket:fileno() then socket:close() end
        assert.equal(socket, socket:ref())
        assert.equal(socket, socket:unref())
        assert.is_nil(socket:fileno())
        assert.is_false(socket:emit("nothing"))
        require "luv".run("nowait")
      end
    end)
  end)
end)

describe("a number beyond the largest", function()
  for name, largest in pairs { recvBufferSize = 2 ^ 32 - 1, sendBufferSize = 2 ^ 32 - 1,
    highWaterMark = 2 ^ 32 - 1, maxQueue = 2 ^ 32 - 1, linger = 2 ^ 32 - 1,
    typeOfService = 255, busyPoll = 1000000 } do
    it("is refused for the option " .. name, function()
      helper.has(RANGE,
        helper.raised(dgram.createSocket, { type = "udp4", [name] = largest + 1 }))
      dgram.createSocket({ type = "udp4", [name] = largest }):close()
    end)
  end

  it("is refused for a descriptor", function()
    local socket = dgram.createSocket("udp4")
    helper.has(RANGE, helper.raised(socket.bind, socket, { fd = 2 ^ 31 }))
    socket:close()
  end)
end)

describe("an option that there is not", function()
  -- The message of the error that options raise.
  local function told(options)
    local err = helper.raised(dgram.createSocket, options)
    helper.has(ARG_VALUE, err)
    return err.message
  end

  for wrong, right in pairs { reuseaddr = "reuseAddr", Type = "type", linge = "linger",
    recvBuferSize = "recvBufferSize", maxQueues = "maxQueue", gsso = "gso" } do
    it(wrong .. " is refused, and the nearest named", function()
      assert.equal(("The property 'options.%s' is unknown. Did you mean '%s'?"):format(
        wrong, right), told { type = "udp4", [wrong] = 1 })
    end)
  end

  it("is refused without advice when none is near", function()
    assert.equal("The property 'options.somethingElse' is unknown.",
      told { type = "udp4", somethingElse = 1 })
    assert.equal("The property 'options.1000' is unknown.",
      told { type = "udp4", [1000] = "udp4" })
  end)

  it("is refused by bind, which leaves the socket as it was", function()
    helper.run(function()
      local socket = dgram.createSocket("udp4")
      local err = helper.raised(socket.bind, socket, { prot = 0 })
      helper.has(ARG_VALUE, err)
      assert.truthy(err.message:find("Did you mean 'port'?", 1, true))
      socket:bind(0, "127.0.0.1", helper.expect(function() socket:close() end))
    end)
  end)
end)

describe("a method called with a dot", function()
  for _, name in ipairs { "bind", "send", "sendMany", "close", "on" } do
    it(name .. " says that a colon is missing", function()
      local socket = dgram.createSocket("udp4")
      for _, this in ipairs { 9, "abc", {}, io.stdout } do
        local err = helper.raised(socket[name], this)
        helper.has({ code = "ERR_INVALID_THIS", name = "TypeError" }, err)
        assert.equal(("Methods are called with a colon: socket:%s(...)"):format(name),
          err.message)
      end
      helper.run(function() socket:close() end)
    end)
  end
end)

describe("close", function()
  it("ignores an argument that is no function", function()
    for _, each in ipairs(values) do
      helper.run(function()
        local socket = helper.bound("udp4")
        socket:on("close", helper.expect())
        socket:close(each[2])
      end)
    end
  end)
end)

describe("flags", function()
  it("are true or false, whatever they are", function()
    helper.run(function()
      local socket = helper.bound("udp4")
      for _, each in ipairs(values) do
        socket:setBroadcast(each[2])
        -- No public function tells what was set.
        assert.equal(each[2] and 1 or 0, inside.option(socket, "broadcast"))
        assert.is_true(rawequal(each[2], socket:setMulticastLoopback(each[2]))
          or each[2] ~= each[2])
      end
      socket:close()
    end)
  end)
end)
