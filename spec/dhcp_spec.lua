-- DHCP's wire format, examples/dhcp.lua: messages as RFC 2131 has them; whatever comes is
-- one of these or none, and raises nothing.
local dhcp = dofile "examples/dhcp.lua"

local COOKIE = "\99\130\83\99"
local MAC = "\2\0\0\0\0\9"

-- A client's message with these options.
local function message(options)
  return "\1\1\6\0xid!" .. ("\0"):rep(20) .. MAC .. ("\0"):rep(10 + 192) .. COOKIE .. options
end

describe("dhcp", function()
  local chaddr = MAC .. ("\0"):rep(10)

  it("reads what a client says", function()
    assert.same({ op = dhcp.REQUEST, kind = "DISCOVER", xid = "xid!", flags = "\0\0",
      ciaddr = "0.0.0.0", yiaddr = "0.0.0.0", giaddr = "0.0.0.0", chaddr = chaddr },
      dhcp.decode(message "\53\1\1\255"))
    local request = dhcp.decode(message
      "\53\1\3\61\7\1abcdef\54\4\10\7\0\1\0\0\50\4\10\7\0\120\12\3abc\255rest")
    assert.equal("REQUEST", request.kind)
    assert.equal("\1abcdef", request.client)
    assert.equal("10.7.0.1", request.server)
    assert.equal("10.7.0.120", request.requested)
  end)

  it("reads an option that comes in pieces (RFC 3396)", function()
    assert.equal("abcdef", dhcp.decode(message "\61\3abc\53\1\1\61\3def\255").client)
  end)

  it("reads what it has written, of 300 bytes at least", function()
    local answer = { op = dhcp.REPLY, kind = "ACK", xid = "abcd", flags = "\128\0",
      chaddr = chaddr, ciaddr = "10.7.0.100", yiaddr = "10.7.0.100", giaddr = "10.8.0.1",
      server = "10.7.0.1", requested = "10.7.0.9", lease = 4294967295,
      mask = "255.255.255.0", router = "10.7.0.254", client = ("x"):rep(255) }
    local msg = dhcp.encode(answer)
    assert.same(answer, dhcp.decode(msg))
    assert.equal("\2\1\6\0abcd\0\0\128\0\10\7\0\100\10\7\0\100\0\0\0\0\10\8\0\1", msg:sub(1, 28))
    assert.equal(COOKIE .. "\53\1\5", msg:sub(237, 243))
    local short = dhcp.encode { op = dhcp.REPLY, kind = "NAK", xid = "abcd", chaddr = MAC }
    assert.equal(300, #short)
    assert.equal("NAK", dhcp.decode(short).kind)
    assert.equal(chaddr, dhcp.decode(short).chaddr)
  end)

  it("passes over what is no message", function()
    local whole = message "\53\1\1\255"
    for at, byte in pairs { [1] = "\0", [2] = "\6", [3] = "\16", [237] = "\0", [240] = "\0" } do
      assert.is_nil(dhcp.decode(whole:sub(1, at - 1) .. byte .. whole:sub(at + 1)))
    end
    for _, options in ipairs { "", "\255", "\0\0\0", "\255\53\1\1", -- no kind
      "\53", "\53\1", "\53\0\255", "\53\2\1\1", "\53\1\0\255", "\53\1\9\255", "\53\1\1\53\1\1",
      "\53\1\3\50\3\10\7\0", "\53\1\3\50\0", "\53\1\3\50\5\10\7\0\120\1", "\53\1\3\54\0",
      "\53\1\3\51\3abc", "\53\1\3\1\0", "\53\1\3\3\8aaaabbbbc",
      "\53\1\1\12", "\53\1\1\12\9abc", "\53\1\1\12\255abc\255", -- lengths that lie
      ("\53\1\1"):rep(300) } do
      assert.is_nil(dhcp.decode(message(options)), ("%q"):format(options))
    end
  end)

  it("reads no truncation that cuts an option, and any that does not", function()
    local whole = message "\53\1\3\54\4\10\7\0\1\50\4\10\7\0\120\255"
    for length = 0, #whole do
      local complete = length == 243 or length == 249 or length >= 255
      assert.equal(complete, dhcp.decode(whole:sub(1, length)) ~= nil, length)
    end
  end)

  it("reads every mutation, or passes it over", function()
    math.randomseed(2131)
    local whole = message "\53\1\3\61\7\1abcdef\54\4\10\7\0\1\51\4\0\0\2\88\12\3abc\255"
    local read = 0
    for _ = 1, 20000 do
      local bytes = { whole:byte(1, math.random(230, #whole)) }
      for _ = 1, math.random(0, 3) do
        bytes[math.random(math.random(#bytes), #bytes)] = math.random(0, 255)
      end
      local decoded = dhcp.decode(string.char((table.unpack or unpack)(bytes)))
      if decoded then
        read = read + 1
        assert.same(decoded, dhcp.decode(dhcp.encode(decoded)))
      end
    end
    assert.is_true(read > 1000)
  end)
end)
