-- examples/dns.lua: messages that go and come back, and those that mean harm.
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local uv = require "luv"

package.path = "examples/?.lua;" .. package.path
local dns = require "dns"

-- A message with a record of each type.
local FULL = {
  id = 65535, response = true, opcode = 0, authoritative = true, truncated = false,
  recursionDesired = true, recursionAvailable = false, rcode = "NXDOMAIN",
  questions = { { name = "www.example.test", type = "ANY", class = 1 } },
  answers = {
    { name = "www.example.test", type = "A", class = 1, ttl = 60, address = "192.0.2.1" },
    { name = "www.example.test", type = "AAAA", class = 1, ttl = 60, address = "2001:db8::1" },
    { name = "mail.example.test", type = "CNAME", class = 1, ttl = 60,
      target = "www.example.test" },
    { name = "example.test", type = "TXT", class = 1, ttl = 60, texts = { "a", "", "\0\255", "" } },
  },
  authorities = {
    { name = "example.test", type = "NS", class = 1, ttl = 60, target = "ns.example.test" },
    { name = "example.test", type = "SOA", class = 1, ttl = 60, server = "ns.example.test",
      mailbox = "me\\.too.example.test", serial = 4294967295, refresh = 1, retry = 2,
      expire = 3, minimum = 4 },
  },
  additionals = {
    { name = "A\\.B\\\\ C\\007._http._tcp.local", type = "SRV", class = 32769, ttl = 120,
      priority = 1, weight = 2, port = 8080, target = "host.local" },
    { name = "_http._tcp.local", type = "PTR", class = 1, ttl = 120,
      target = "A\\.B\\\\ C\\007._http._tcp.local" },
    { name = "", type = 99, class = 3, ttl = 0, data = "\1\2\3" },
  },
  edns = { size = 1232, version = 0, flags = 32768, options = "\0\10\0\1x" },
}

local HEADER = "\0\7\1\0\0\1\0\0\0\0\0\0"

-- Expects that a datagram is no message.
local function refused(text, why)
  local message, err = dns.decode(text)
  assert.is_nil(message)
  assert.truthy(err:find("^malformed: ") and err:find(why or "", 1, true), err)
end

-- Decodes what anybody may have sent: a message, or a reason that is meant.
local function survives(text)
  local message, err = dns.decode(text)
  if message then
    dns.encode(message)
  elseif not err:find("^malformed: ") then
    error(("%s: %q"):format(err, text))
  end
end

describe("a DNS message", function()
  it("comes back as it went", function()
    assert.same(FULL, dns.decode(dns.encode(FULL)))
  end)

  it("is, byte by byte, what RFC 1035 says", function()
    assert.equal(HEADER .. "\3www\7example\3org\0\0\28\0\1", dns.encode {
      id = 7, recursionDesired = true,
      questions = { { name = "www.example.org", type = "AAAA" } },
    })
  end)

  it("has each end of a name once, and targets of SRV in full", function()
    local text = dns.encode { answers = {
      { name = "a.b.test", type = "PTR", target = "c.b.test" },
      { name = "c.b.test", type = "SRV", port = 1, target = "a.b.test" },
    } }
    assert.equal("\0\0\0\0\0\0\0\2\0\0\0\0"
      .. "\1a\1b\4test\0\0\12\0\1\0\0\0\0\0\4\1c\192\14"
      .. "\192\32\0\33\0\1\0\0\0\0\0\16\0\0\0\0\0\1\1a\1b\4test\0", text)
  end)

  it("points at no name that is too far behind", function()
    local answers = {}
    for i = 1, 2000 do
      local name = ("n%d.test"):format(math.min(i, 3000 - i))
      answers[i] = { name = name, type = "A", class = 1, ttl = 0,
        address = "192.0.2.1" }
    end
    assert.same(answers, dns.decode(dns.encode { answers = answers }).answers)
  end)

  it("that is too large keeps its question and says so", function()
    local text = dns.encode(FULL, 100)
    local message = dns.decode(text)
    assert.is_true(#text <= 100 and message.truncated)
    assert.same({ FULL.questions, {}, {}, {}, FULL.edns }, { message.questions,
      message.answers, message.authorities, message.additionals, message.edns })
    assert.is_false(dns.decode(dns.encode(FULL, #dns.encode(FULL))).truncated)
  end)

  it("has the rcodes of EDNS, and those without a name", function()
    for _, rcode in ipairs { "BADVERS", "REFUSED", 11, 4000 } do
      local text = dns.encode { rcode = rcode, edns = { size = 512 } }
      assert.equal(rcode, dns.decode(text).rcode)
    end
  end)

  it("spells addresses as RFC 5952 does", function()
    for given, spelt in pairs {
      ["::"] = "::", ["::1"] = "::1", ["1::"] = "1::", ["0:0:0:0:0:0:0:1"] = "::1",
      ["2001:DB8:0:0:1:0:0:1"] = "2001:db8::1:0:0:1", ["1:0:0:2:0:0:0:3"] = "1:0:0:2::3",
      ["1:0:2:3:4:5:6:7"] = "1:0:2:3:4:5:6:7", ["fe80::10:a0b"] = "fe80::10:a0b",
    } do
      local text = dns.encode { answers = { { name = "", type = "AAAA", address = given } } }
      assert.equal(spelt, dns.decode(text).answers[1].address)
    end
  end)

  it("is not made of what is none", function()
    for _, record in ipairs {
      { name = "a..b", type = "A", address = "192.0.2.1" },
      { name = ".a", type = "A", address = "192.0.2.1" },
      { name = ("x"):rep(64), type = "A", address = "192.0.2.1" },
      { name = ("x."):rep(128), type = "A", address = "192.0.2.1" },
      { name = "a", type = "A", address = "192.0.2.256" },
      { name = "a", type = "A", address = "::1" },
      { name = "a", type = "AAAA", address = "192.0.2.1" },
      { name = "a", type = "AAAA", address = "1:2:3:4:5:6:7" },
      { name = "a", type = "AAAA", address = "1:2:3:4:5:6:7:8:" },
      { name = "a", type = "AAAA", address = "1::2::3" },
      { name = "a", type = "AAAA", address = "1::2:3:4:5:6:7:8:9" },
      { name = "a", type = "TXT", texts = { ("x"):rep(256) } },
      { name = "a", type = "NONE", data = "" },
    } do
      assert.has_error(function() dns.encode { answers = { record } } end)
    end
  end)

  it("that goes on behind its end is one all the same", function()
    assert.same(FULL, dns.decode(dns.encode(FULL) .. "more"))
  end)
end)

describe("a hostile DNS message", function()
  it("that breaks off anywhere is none; its header is told if it is there", function()
    local text = dns.encode(FULL)
    for size = 0, #text - 1 do
      local message, err, header = dns.decode(text:sub(1, size))
      assert.is_nil(message)
      assert.truthy(err:find("^malformed: it ends early"), err)
      assert.equal(size >= 12 and 65535 or nil, header and header.id)
    end
  end)

  it("has names that lead to themselves, in circles or forward", function()
    local behind = "\0\1\0\1"
    refused(HEADER .. "\192\12" .. behind, "pointer") -- to itself
    refused(HEADER .. "\1a\192\12" .. behind, "pointer") -- to its own beginning
    refused(HEADER .. "\192\14\192\12" .. behind, "pointer") -- to and fro
    refused(HEADER .. "\192\18" .. behind .. "\1a\0", "pointer") -- forward
    refused(HEADER .. "\255\255" .. behind, "pointer") -- far behind its end
    refused(HEADER .. "\192", "early")
    refused(HEADER .. "\64a" .. behind, "kind")
    refused(HEADER .. "\128a" .. behind, "kind")
  end)

  it("has a name of more than 255 bytes", function()
    assert.truthy(dns.decode(HEADER .. ("\1x"):rep(127) .. "\0\0\1\0\1"))
    refused(HEADER .. ("\1x"):rep(128) .. "\0\0\1\0\1", "too long")
    refused(HEADER .. ("\1x"):rep(126) .. "\2xx\0\0\1\0\1", "too long")
    local long = "\63" .. ("x"):rep(63)
    refused("\0\7\1\0\0\2\0\0\0\0\0\0" .. long:rep(3) .. "\0\0\1\0\1"
      .. long .. "\192\12\0\1\0\1", "too long")
  end)

  it("has pointers to pointers, thousands of them, and takes no time", function()
    -- In a record that nobody knows: each pointer leads to the one before.
    local chain = { "\0" }
    for i = 1, 8000 do
      local to = 12 + 11 + (i == 1 and 0 or 2 * i - 3)
      chain[#chain + 1] = string.char(192 + math.floor(to / 256), to % 256)
    end
    chain = table.concat(chain)
    local size = string.char(math.floor(#chain / 256), #chain % 256)
    local last = 12 + 11 + #chain - 2
    local record = string.char(192 + math.floor(last / 256), last % 256)
      .. "\0\99\0\1\0\0\0\0\0\0"
    local text = "\0\7\1\0\0\0\255\255\0\0\0\0\0\0\99\0\1\0\0\0\0" .. size .. chain
      .. record:rep(3900)
    local before = uv.hrtime()
    refused(text, "pointer")
    assert.is_true(uv.hrtime() - before < 1e9 * helper.PATIENCE)
  end)

  it("has lengths and counts that lie", function()
    local function answer(kind, size, data)
      return "\0\7\129\0\0\0\0\1\0\0\0\0\0\0" .. string.char(kind) .. "\0\1\0\0\0\0\0"
        .. string.char(size) .. data
    end
    assert.truthy(dns.decode(answer(1, 4, "abcd")))
    refused(answer(1, 3, "abcd"), "lies")
    refused(answer(1, 5, "abcde"), "lies")
    refused(answer(1, 5, "abcd"), "early")
    refused(answer(28, 4, "abcd"))
    refused(answer(16, 2, "\5hello"), "lies")
    refused(answer(16, 0, ""))
    refused(answer(12, 1, "\1a\0"), "lies")
    refused(answer(33, 6, "abcdef"), "early")
    refused("\0\7\1\0\255\255\255\255\255\255\255\255\0\0\1\0\1", "early")
  end)

  it("has two OPT records, or one with a name", function()
    local opt = "\0\0\41\4\208\0\0\0\0\0\0"
    assert.truthy(dns.decode("\0\7\1\0\0\0\0\0\0\0\0\1" .. opt).edns)
    refused("\0\7\1\0\0\0\0\0\0\0\0\2" .. opt:rep(2), "OPT")
    refused("\0\7\1\0\0\0\0\0\0\0\0\1\1a" .. opt, "OPT")
  end)

  it("has any byte anywhere", function()
    local text = dns.encode(FULL)
    math.randomseed(7)
    for _ = 1, 10000 / helper.PATIENCE do
      local changed = text
      for _ = 1, math.random(3) do
        local at = math.random(#text)
        changed = changed:sub(1, at - 1) .. string.char(math.random(0, 255))
          .. changed:sub(at + 1, math.random(10) == 1 and at + math.random(40) or nil)
      end
      survives(changed)
    end
    for _ = 1, 3000 / helper.PATIENCE do
      local noise = {}
      for i = 1, math.random(60) do noise[i] = string.char(math.random(0, 255)) end
      survives(HEADER .. table.concat(noise))
    end
  end)
end)

describe("dns.lua", function()
  it("does the same on every Lua here", function()
    local script = [[package.path = 'examples/?.lua;' .. package.path
      local dns = require 'dns'
      local text = dns.encode { questions = { { name = 'a\\.b.test', type = 'SRV' } },
        answers = { { name = 'test', type = 'AAAA', ttl = 4294967295, address = '::1' } } }
      io.write((text:gsub('.', function(c) return ('%02x'):format(c:byte()) end)),
        dns.decode(text).questions[1].name, dns.encode(dns.decode(text)) == text and '' or '?')]]
    local first
    for _, lua in ipairs { "lua5.1", "lua5.2", "lua5.3", "lua5.4", "lua5.5", "luajit" } do
      if host.has(lua) then
        local text, good = host.output(('env -u LUA_INIT %s -e "%s"'):format(lua,
          (script:gsub("\\", "\\\\"))))
        assert.is_true(good, text)
        first = first or text
        assert.equal(first, text, lua)
      end
    end
    assert.truthy(first:find("a\\.b.test$"), first)
  end)
end)
