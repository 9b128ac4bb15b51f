-- NTP's wire format, examples/ntp.lua: times, their eras, packets that are none.
local ntp = dofile "examples/ntp.lua"

local NOW = 1795288738.5 -- in 2026

-- A server's packet about `received` and `sent`.
local function packet(received, sent)
  return ntp.encode { version = 4, mode = ntp.SERVER, stratum = 10, poll = 6,
    reference = "\127\127\1\1", set = received, originate = "12345678",
    received = received, transmit = ntp.timestamp(sent) }
end

describe("ntp", function()
  it("reads what it has written", function()
    local read = ntp.decode(packet(NOW, NOW + 0.25), NOW)
    assert.same({ leap = 0, version = 4, mode = ntp.SERVER, stratum = 10, poll = 6,
      reference = "\127\127\1\1", originate = "12345678", received = NOW,
      transmit = ntp.timestamp(NOW + 0.25), sent = NOW + 0.25 }, read)
  end)

  it("writes the times of RFC 5905, figure 4", function()
    assert.equal("\131\170\126\128\0\0\0\0", ntp.timestamp(0)) -- 2208988800
    assert.equal("\255\255\255\255\0\0\0\0", ntp.timestamp(2085978495)) -- the era's end
    assert.equal("\0\0\0\0\128\0\0\0", ntp.timestamp(2085978496.5)) -- Feb 8, 2036
  end)

  it("reads times of the era that is near", function()
    for _, now in ipairs { 0, NOW, 2085978495, 2085978496, 4102444800 } do
      for _, time in ipairs { now - 1000000000, now - 1.5, now, now + 3600, now + 2000000000 } do
        assert.equal(time, ntp.decode(packet(time, time), now).received)
      end
    end
  end)

  it("keeps times to a quarter of a microsecond", function()
    for i = 0, 999 do
      local time = NOW + i / 997
      local read = ntp.decode(packet(time, time), NOW)
      assert.is_true(math.abs(read.received - time) < 0.25e-6)
    end
  end)

  it("reads any 48 bytes, and none that are fewer", function()
    math.randomseed(5905)
    for length = 0, 80 do
      for _ = 1, 50 do
        local bytes = {}
        for i = 1, length do bytes[i] = string.char(math.random(0, 255)) end
        local read = ntp.decode(table.concat(bytes), NOW)
        assert.equal(length >= 48, read ~= nil)
        if read then
          assert.is_true(math.abs(read.received - NOW) <= 2 ^ 31)
          assert.is_true(read.mode <= 7 and read.version <= 7 and read.leap <= 3)
        end
      end
    end
  end)

  it("tells the time", function()
    assert.is_true(math.abs(ntp.now() - os.time()) <= 1.5)
  end)
end)
