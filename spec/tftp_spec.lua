-- TFTP's wire format, examples/tftp.lua: requests, packets, text; whatever comes is
-- one of these or none, and raises nothing.
local tftp = dofile "examples/tftp.lua"

describe("tftp", function()
  it("reads requests with their options", function()
    assert.same({ opcode = tftp.RRQ, name = "a b", mode = "octet", options = {} },
      tftp.request("\0\1a b\0OCTET\0"))
    assert.same({ opcode = tftp.WRQ, name = "", mode = "netascii",
      options = { { "blksize", "1428" }, { "x", "" } } },
      tftp.request("\0\2\0netascii\0BlkSize\0" .. "1428\0x\0\0"))
  end)

  it("passes over what is no request", function()
    for _, packet in ipairs {
      "", "\0", "\0\1", "\0\1a", "\0\1a\0", "\0\1a\0octet", "\0\1a\0octet\0b\0",
      "\0\1a\0octet\0b\0c", "\0\3a\0octet\0", "\1\1a\0octet\0", "\0\0a\0octet\0",
    } do
      assert.is_nil(tftp.request(packet))
    end
  end)

  it("reads every truncation and mutation of a request, or passes it over", function()
    math.randomseed(1350)
    local whole = "\0\1name\0octet\0blksize\0" .. "1428\0tsize\0" .. "0\0"
    for length = 0, #whole do tftp.request(whole:sub(1, length)) end
    local read = 0
    for _ = 1, 20000 do
      local bytes = { whole:byte(1, math.random(#whole)) }
      for _ = 1, math.random(0, 3) do bytes[math.random(#bytes)] = math.random(0, 255) end
      local packet = string.char((table.unpack or unpack)(bytes))
      local request = tftp.request(packet)
      if request then
        read = read + 1
        for _, option in ipairs(request.options) do tftp.integer(option[2], 8, 65464) end
      end
      local opcode, number, rest = tftp.parse(packet)
      if opcode then
        assert.equal(packet:sub(2), tftp.packet(opcode, number, rest):sub(2))
      end
    end
    assert.is_true(read > 100)
  end)

  it("reads DATA, ACK and ERROR", function()
    for opcode = tftp.DATA, tftp.ERROR do
      assert.same({ opcode, 65535, "rest" }, { tftp.parse(tftp.packet(opcode, 65535, "rest")) })
    end
    assert.same({ tftp.ERROR, 1, "no\0" }, { tftp.parse(tftp.error(1, "no")) })
    for _, packet in ipairs { "", "\0\3", "\0\3\0", "\1\3\0\1", "\0\1ab", "\0\6ab", "\0\0ab" } do
      assert.is_nil(tftp.parse(packet))
    end
    assert.equal("\0\6a\0" .. "1\0b\0" .. "2\0", tftp.oack { "a", "1", "b", "2" })
  end)

  it("reads numbers within limits only", function()
    assert.equal(8, tftp.integer("8", 8, 9))
    assert.equal(9, tftp.integer("09", 8, 9))
    for _, text in ipairs { "7", "10", "", "-8", "8.0", "8 ", "0x8", "1e1", ("8"):rep(400) } do
      assert.is_nil(tftp.integer(text, 8, 9))
    end
  end)

  local SAMPLES = { "", "\n", "\r", "\r\n", "a\nb\r\nc\rd\r", "\n\n\r\r\n\r", "\0\r\0\n" }

  it("makes text of netascii again, however it is cut", function()
    for _, text in ipairs(SAMPLES) do
      local encoded = tftp.encoder("netascii")(text)
      assert.is_nil(encoded:gsub("\r[\n%z]", ""):find("[\r\n]"))
      for cut = 0, #encoded do
        local decode = tftp.decoder("netascii")
        assert.equal(text, decode(encoded:sub(1, cut)) .. decode(encoded:sub(cut + 1)) .. decode())
      end
    end
  end)

  it("leaves octets as they are, and knows no other mode", function()
    for _, text in ipairs(SAMPLES) do
      local decode = tftp.decoder("octet")
      assert.equal(text, tftp.encoder("octet")(text))
      assert.equal(text, decode(text) .. decode())
    end
    assert.is_nil(tftp.encoder("mail"))
  end)
end)
