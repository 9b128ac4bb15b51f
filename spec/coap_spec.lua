-- CoAP's wire format, examples/coap.lua: what is written is read again; whatever
-- comes is a message or none, and raises nothing.
local coap = dofile "examples/coap.lua"

local SAMPLE = {
  type = "CON", code = "0.03", id = 4660, token = "\0\1\2\3\4\5\6\7",
  options = { { 3, "host" }, { 11, "a" }, { 11, "" }, { 11, ("p"):rep(13) },
    { 12, "" }, { 300, ("x"):rep(300) }, { 65535, "last" } },
  payload = "\255 payload \0",
}

-- A message's datagram, from its parts in bytes.
local function datagram(...) return string.char(...) end

describe("coap", function()
  it("reads what it has written", function()
    assert.same(SAMPLE, coap.decode(coap.encode(SAMPLE)))
    for _, kind in ipairs { "CON", "NON", "ACK", "RST" } do
      local message = { type = kind, code = "2.05", id = 65535, token = "", options = {},
        payload = "" }
      assert.same(message, coap.decode(coap.encode(message)))
    end
  end)

  it("writes the bytes of RFC 7252, appendix A", function()
    assert.equal("\64\1\125\52\187temperature", coap.encode { type = "CON", code = "0.01",
      id = 0x7d34, options = { { 11, "temperature" } } })
    assert.equal("\97\69\125\53\32\255" .. "22.3 C", coap.encode { type = "ACK",
      code = "2.05", id = 0x7d35, token = "\32", payload = "22.3 C" })
  end)

  it("writes options by number, and those of one number in their order", function()
    local message = coap.decode(coap.encode { type = "CON", code = "0.01", id = 1,
      options = { { 12, "c" }, { 11, "a" }, { 6, "o" }, { 11, "b" } } })
    assert.same({ { 6, "o" }, { 11, "a" }, { 11, "b" }, { 12, "c" } }, message.options)
    assert.same({ "a", "b" }, coap.values(message, coap.PATH))
  end)

  it("writes numbers in as few bytes as they need", function()
    for n, bytes in pairs { [0] = "", [1] = "\1", [255] = "\255", [256] = "\1\0",
      [16777215] = "\255\255\255" } do
      assert.equal(bytes, coap.bytes(n))
      assert.equal(n, coap.number(bytes))
    end
  end)

  it("knows the critical options that are unknown, too many or too long", function()
    local known = { [11] = { 2, 3 } }
    local function bad(...) return coap.has_bad_option({ options = { ... } }, known) end
    assert.is_false(bad({ 11, "abc" }, { 11, "" }, { 12, ("x"):rep(99) }))
    assert.is_true(bad({ 11, "abcd" }))
    assert.is_true(bad({ 11, "a" }, { 11, "a" }, { 11, "a" }))
    assert.is_true(bad({ 9, "" }))
  end)
end)

describe("coap is given", function()
  -- What is broken in a message that has to be confirmed wants a reset, by its id;
  -- in another, nothing.
  local function broken(why, text)
    for kind, id in pairs { [64] = 258, [80] = false, [96] = false, [112] = false } do
      local first = string.char(text:byte(1) % 16 + kind)
      local message, reason, wants = coap.decode(first .. text:sub(2))
      assert.is_nil(message)
      assert.equal(why, reason)
      assert.equal(id or nil, wants)
    end
  end

  it("tokens that are too long, or longer than the rest", function()
    for length = 9, 15 do
      broken("a token too long", datagram(length, 1, 1, 2) .. ("t"):rep(20))
    end
    for length = 1, 8 do
      broken("a token cut short", datagram(length, 1, 1, 2) .. ("t"):rep(length - 1))
    end
  end)

  it("an empty message that is not empty", function()
    broken("more than empty", datagram(0, 0, 1, 2, 255, 1))
    broken("more than empty", datagram(1, 0, 1, 2, 1))
    assert.same({}, coap.decode(datagram(64, 0, 1, 2)).options)
  end)

  it("lengths and deltas that lie, and the reserved 15", function()
    for _, option in ipairs {
      "\1", "\15a", "\240a", "\241ab", "\31a", "\13", "\14", "\14\0", "\208", "\224",
      "\224\0", "\221\0", "\13\0abc", "\14\0\0abc", "\14\255\255abc", "\255",
      "\224\255\255\224\255\255", "\224\254\243\16", "\177abc",
    } do
      broken("a broken option", datagram(0, 1, 1, 2) .. option)
      broken("a broken option", datagram(2, 1, 1, 2) .. "to\180path\1x" .. option)
    end
    assert.same({ { 65535, "" } }, coap.decode("\64\1\0\0\224\254\242").options)
  end)

  it("other versions, which are left alone", function()
    for first = 0, 255 do
      if math.floor(first / 64) ~= 1 then
        local message, why, wants = coap.decode(datagram(first, 1, 1, 2))
        assert.is_nil(message)
        assert.equal("another version", why)
        assert.is_nil(wants)
      end
    end
  end)

  it("every truncation", function()
    local whole = coap.encode(SAMPLE)
    for length = 0, #whole - 1 do
      local message, why, wants = coap.decode(whole:sub(1, length))
      if not message then
        assert.is_string(why)
        assert.equal(length >= 4 and SAMPLE.id or nil, wants)
      else
        assert.is_true(#message.options < #SAMPLE.options
          or #message.payload < #SAMPLE.payload)
      end
    end
  end)

  it("random mutations: what it reads it writes such that it reads the same", function()
    math.randomseed(7252)
    local whole, read = coap.encode(SAMPLE), 0
    for _ = 1, 20000 do
      local bytes = { whole:byte(1, math.random(1, 60)) }
      for _ = 1, math.random(1, 4) do bytes[math.random(#bytes)] = math.random(0, 255) end
      local message = coap.decode(string.char((table.unpack or unpack)(bytes)))
      if message then
        read = read + 1
        assert.same(message, coap.decode(coap.encode(message)))
      end
    end
    assert.is_true(read > 100, read .. " were read")
  end)
end)
