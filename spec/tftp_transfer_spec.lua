-- One transfer of TFTP, examples/tftp_transfer.lua, with a client on loopback that
-- loses, doubles, delays and makes up packets.
package.path = "examples/?.lua;" .. package.path
local Transfer = require "tftp_transfer"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local tftp = require "tftp"
local uv = require "luv"

local DATA, ACK, ERROR = tftp.DATA, tftp.ACK, tftp.ERROR

describe("a transfer of TFTP", function()
  local client, inbox, transfer, file, path, done

  -- A body with a client, and a transfer of a file with this content; a time-out takes
  -- 30 ms, a block has 8 bytes.
  local function transferring(name, content, body)
    it(name, function()
      helper.run(function()
        path, done = helper.write(content), nil
        file = assert(uv.fs_open(path, "r+", 0))
        client, inbox = helper.bound("udp4")
        transfer = Transfer.new(dgram.createSocket("udp4"),
          { address = "127.0.0.1", port = client:address().port })
        transfer.size, transfer.timeout = 8, 30 * helper.PATIENCE
        transfer.socket:bindSync { address = "127.0.0.1" }
        body()
        helper.wait(function() return done ~= nil end)
        uv.fs_close(file)
        helper.close(client, transfer.socket)
      end)
    end)
  end

  -- Begins the transfer: "send" or "take".
  local function begin(what, oack)
    dgram.async(function() done = transfer[what](transfer, file, oack) or false end)()
  end

  -- Tells the transfer a packet.
  local function tell(packet, from)
    (from or client):send(packet, transfer.socket:address().port, "127.0.0.1")
  end

  -- The next packet that the client hears: opcode, number, rest.
  local function hear()
    return tftp.parse(table.remove(helper.fill(inbox), 1).msg)
  end

  -- Waits for the end; the client has heard nothing else.
  local function ended()
    helper.wait(function() return done ~= nil end)
    assert.same({}, inbox)
  end

  transferring("sends blocks, each when the one before is confirmed", "12345678abc", function()
    begin "send"
    assert.same({ DATA, 1, "12345678" }, { hear() })
    tell(tftp.packet(ACK, 1))
    assert.same({ DATA, 2, "abc" }, { hear() })
    tell(tftp.packet(ACK, 2))
    ended()
  end)

  transferring("ends with an empty block when the last is full", "12345678", function()
    begin "send"
    hear()
    tell(tftp.packet(ACK, 1))
    assert.same({ DATA, 2, "" }, { hear() })
    tell(tftp.packet(ACK, 2))
    ended()
  end)

  transferring("sends a block again when its ACK does not come", "abc", function()
    begin("send", "\0\6")
    helper.fill(inbox, 2)
    assert.equal("\0\6", table.remove(inbox, 1).msg)
    assert.equal("\0\6", table.remove(inbox, 1).msg)
    tell(tftp.packet(ACK, 0))
    repeat local opcode = hear() until opcode == DATA
    assert.same({ DATA, 1, "abc" }, { hear() })
    tell(tftp.packet(ACK, 1))
    helper.wait(function() return done ~= nil end)
  end)

  transferring("sends no block twice because an ACK comes twice", ("x"):rep(24), function()
    transfer.timeout = 1000 -- nothing is lost
    begin "send"
    for number = 1, 4 do
      assert.same({ DATA, number }, { (hear()), number })
      if number > 1 then tell(tftp.packet(ACK, number - 1)) end
      tell(tftp.packet(ACK, number))
      tell(tftp.packet(ACK, number))
    end
    ended()
  end)

  transferring("gives a client up that is gone", "abc", function()
    begin "send"
    for _ = 1, 5 do assert.same({ DATA, 1, "abc" }, { hear() }) end
    ended()
  end)

  transferring("ends when the client says so", "abc", function()
    begin "send"
    hear()
    tell(tftp.error(0, "enough"))
    ended()
  end)

  transferring("tells strangers that they err, and goes on", "abc", function()
    local stranger, strangers = helper.bound("udp4")
    begin "send"
    hear()
    tell(tftp.packet(ACK, 1), stranger)
    local opcode, code = tftp.parse(helper.fill(strangers)[1].msg)
    assert.same({ ERROR, 5 }, { opcode, code })
    assert.is_nil(done)
    tell(tftp.packet(ACK, 1))
    helper.wait(function() return done ~= nil end)
    stranger:close()
  end)

  transferring("takes blocks, each once, and confirms them again", "", function()
    transfer.timeout = 1000
    begin "take"
    assert.same({ ACK, 0, "" }, { hear() })
    tell(tftp.packet(DATA, 1, "12345678"))
    assert.same({ ACK, 1, "" }, { hear() })
    tell(tftp.packet(DATA, 1, "12345678")) -- our ACK was late
    assert.same({ ACK, 1, "" }, { hear() })
    tell(tftp.packet(DATA, 2, "abc"))
    assert.same({ ACK, 2, "" }, { hear() })
    transfer.timeout = 30 * helper.PATIENCE
    tell(tftp.packet(DATA, 2, "abc")) -- the last ACK was lost
    assert.same({ ACK, 2, "" }, { hear() })
    ended()
    assert.is_true(done)
    assert.equal("12345678abc", helper.read(path))
  end)

  transferring("has taken nothing when the client is gone before the end", "", function()
    begin "take"
    hear()
    tell(tftp.packet(DATA, 1, "12345678"))
    helper.wait(function() return done ~= nil end)
    assert.is_false(done)
  end)

  transferring("does not take blocks that are larger than agreed", "", function()
    begin "take"
    hear()
    tell(tftp.packet(DATA, 1, "123456789"))
    ended()
    assert.is_false(done)
  end)

  transferring("says so when the file cannot be written, or read", "", function()
    local real = file
    file = assert(uv.fs_open("/dev/full", "w", 0))
    begin "take"
    hear()
    tell(tftp.packet(DATA, 1, "abc"))
    local opcode, code = hear()
    assert.same({ ERROR, 3 }, { opcode, code })
    ended()
    begin "send"
    done = nil
    opcode, code = hear()
    assert.same({ ERROR, 0 }, { opcode, code })
    uv.fs_close(file)
    file, done = real, true
  end)

  transferring("survives hostile packets", ("x"):rep(80), function()
    math.randomseed(1350)
    begin "send"
    for number = 1, 11 do
      repeat local _, n = hear() until n == number
      for _ = 1, 200 do
        local bytes = { 0, math.random(0, 6), math.random(0, 255), math.random(0, 255) }
        if bytes[2] == ERROR then bytes[1] = 1 end
        if bytes[2] == ACK then bytes[3] = 255 end
        tell(string.char((table.unpack or unpack)(bytes, 1, math.random(4))))
      end
      tell("")
      tell(tftp.packet(ACK, number))
    end
    helper.wait(function() return done ~= nil end)
  end)
end)
