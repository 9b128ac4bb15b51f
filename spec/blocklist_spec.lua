-- Block lists: their rules, and sockets that do not hear from or send to what
-- they block.
local core = require "dgram.core"
local dgram = require "dgram"
local helper = require "spec.support.helper"

describe("BlockList", function()
  local list
  before_each(function() list = dgram.BlockList() end)

  it("blocks nothing at first", function()
    assert.is_false(list:check("127.0.0.1"))
    assert.is_false(list:check("::1", "ipv6"))
    assert.same({}, list.rules)
  end)

  it("blocks single addresses", function()
    list:addAddress("192.0.2.1")
    list:addAddress("2001:db8::1", "ipv6")
    assert.is_true(list:check("192.0.2.1"))
    assert.is_true(list:check("192.0.2.1", "ipv4"))
    assert.is_false(list:check("192.0.2.2"))
    assert.is_true(list:check("2001:db8::1", "ipv6"))
    assert.is_true(list:check("2001:0db8:0:0:0:0:0:1", "ipv6"))
    assert.is_false(list:check("2001:db8::2", "ipv6"))
  end)

  it("blocks ranges, both ends included", function()
    list:addRange("192.0.2.5", "192.0.2.9")
    list:addRange("2001:db8::5", "2001:db8::9", "ipv6")
    for last, blocked in pairs { [4] = false, [5] = true, [7] = true, [9] = true,
      [10] = false } do
      assert.equal(blocked, list:check("192.0.2." .. last))
      assert.equal(blocked, list:check(("2001:db8::%x"):format(last), "ipv6"))
    end
    list:addRange("198.51.100.1", "198.51.100.1")
    assert.is_true(list:check("198.51.100.1"))
  end)

  it("refuses a range that ends before it begins", function()
    local err = helper.raised(list.addRange, list, "192.0.2.9", "192.0.2.5")
    helper.has({ code = "ERR_INVALID_ARG_VALUE", name = "TypeError" }, err)
    assert.is_false(list:check("192.0.2.9"))
    assert.same({}, list.rules)
  end)

  -- Net, prefix, family, an address inside and one outside (nil: there is none).
  for _, case in ipairs {
    { "192.0.2.0", 24, "ipv4", "192.0.2.255", "192.0.3.0" },
    { "192.0.2.77", 24, "ipv4", "192.0.2.1", "192.0.1.255" },
    { "10.0.0.0", 8, "ipv4", "10.255.255.255", "11.0.0.0" },
    { "192.0.2.8", 29, "ipv4", "192.0.2.15", "192.0.2.16" },
    { "192.0.2.8", 32, "ipv4", "192.0.2.8", "192.0.2.9" },
    { "192.0.2.8", 0, "ipv4", "255.255.255.255", nil },
    { "2001:db8::", 64, "ipv6", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::" },
    { "2001:db8::", 33, "ipv6", "2001:db8:7fff::1", "2001:db8:8000::" },
    { "2001:db8::1", 128, "ipv6", "2001:db8::1", "2001:db8::2" },
    { "::", 0, "ipv6", "ffff::1", nil },
  } do
    it(("blocks the subnet %s/%d"):format(case[1], case[2]), function()
      list:addSubnet(case[1], case[2], case[3])
      assert.is_true(list:check(case[4], case[3]))
      if case[5] then assert.is_false(list:check(case[5], case[3])) end
    end)
  end

  it("keeps the families apart, but for IPv4 in IPv6's clothes", function()
    list:addSubnet("0.0.0.0", 0)
    assert.is_false(list:check("2001:db8::1", "ipv6"))
    assert.is_true(list:check("::ffff:192.0.2.1", "ipv6"))
  end)

  it("has nothing to say of what is no address of the family", function()
    list:addSubnet("0.0.0.0", 0)
    list:addSubnet("::", 0, "ipv6")
    for _, text in ipairs { "", "name", "192.0.2", "192.0.2.1.", "192.0.2.1\0", "::1" } do
      assert.is_false(list:check(text), text)
    end
    assert.is_false(list:check("192.0.2.1", "ipv6"))
  end)

  it("takes the family in any case", function()
    list:addAddress("192.0.2.1", "IPv4")
    list:addAddress("2001:db8::1", "IPv6")
    assert.is_true(list:check("192.0.2.1", "IPv4"))
    assert.is_true(list:check("2001:db8::1", "IPV6"))
  end)

  it("tells its rules, the newest first", function()
    list:addAddress("192.0.2.1")
    list:addRange("192.0.2.5", "192.0.2.9")
    list:addSubnet("2001:db8::", 64, "ipv6")
    local words = { "Subnet: IPv6 2001:db8::/64", "Range: IPv4 192.0.2.5-192.0.2.9",
      "Address: IPv4 192.0.2.1" }
    assert.same(words, list.rules)
    list.rules[1] = "not the list's own"
    assert.same(words, list.rules)
  end)

  it("holds many rules", function()
    for i = 0, 3 do
      for j = 0, 249 do list:addAddress(("10.0.%d.%d"):format(i, j)) end
    end
    assert.is_true(list:check("10.0.0.0"))
    assert.is_true(list:check("10.0.3.249"))
    assert.is_false(list:check("10.0.3.250"))
    assert.equal(1000, #list.rules)
  end)

  it("refuses addresses that are none, or of the other family", function()
    for _, bad in ipairs { "name", "", "192.0.2", "::1", "192.0.2.1%lo", "192.0.2.1\0" } do
      helper.has({ code = "ERR_INVALID_ADDRESS", name = "Error" },
        helper.raised(list.addAddress, list, bad))
    end
    helper.raised(list.addAddress, list, "192.0.2.1", "ipv6")
    helper.raised(list.addSubnet, list, "192.0.2.0", 33)
    helper.raised(list.addSubnet, list, "::", 129, "ipv6")
    helper.has({ code = "ERR_INVALID_ARG_VALUE" },
      helper.raised(list.addAddress, list, "192.0.2.1", "ipv5"))
    assert.same({}, list.rules)
  end)
end)

describe("receiveBlockList", function()
  it("keeps datagrams of blocked senders from the listeners", function()
    helper.run(function()
      local list = dgram.BlockList()
      list:addAddress("127.0.0.2")
      local server, inbox = helper.bound({ type = "udp4", receiveBlockList = list },
        "0.0.0.0")
      local port = server:address().port
      local bad, good = helper.bound("udp4", "127.0.0.2"), helper.bound("udp4")
      for i = 1, 20 do
        bad:send("bad " .. i, port)
        good:send("good " .. i, port)
      end
      helper.fill(inbox, 20)
      for i = 1, 20 do assert.equal("good " .. i, inbox[i].msg) end
      helper.wait(function() return server:stats().blocked == 20 end)
      list:addAddress("127.0.0.1") -- rules may come later
      good:send("too late", port)
      helper.wait(function() return server:stats().blocked == 21 end)
      assert.equal(20, #inbox)
      helper.close(server, bad, good)
    end)
  end)

  it("knows IPv4 senders on a socket of both families", function()
    helper.run(function()
      local list = dgram.BlockList()
      list:addAddress("127.0.0.1")
      local server, inbox = helper.bound({ type = "udp6", receiveBlockList = list }, "::")
      local port = server:address().port
      local four, six = helper.bound("udp4"), helper.bound("udp6")
      four:send("blocked", port, "127.0.0.1")
      helper.wait(function() return server:stats().blocked == 1 end)
      six:send("heard", port, "::1")
      assert.same({ "heard" }, helper.messages(helper.fill(inbox)))
      helper.close(server, four, six)
    end)
  end)
end)

describe("sendBlockList", function()
  local function options()
    local list = dgram.BlockList()
    list:addSubnet("127.0.0.0", 30)
    return { type = "udp4", sendBlockList = list }
  end
  local BLOCKED = { code = "ERR_IP_BLOCKED", name = "Error" }

  it("refuses destinations, through the callback, and lets others through", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4", "0.0.0.0")
      local client, port = dgram.createSocket(options()), server:address().port
      client:on("error", helper.expect(0))
      local inside = true
      for _, args in ipairs { { "x", port }, { "x", port, "127.0.0.1" },
        { "x", port, "127.0.0.3" }, { "x", port, "localhost" },
        { "x", 0, 1, port, "127.0.0.1" } } do
        args[#args + 1] = helper.expect(function(err, bytes)
          assert.is_false(inside)
          helper.has(BLOCKED, err)
          assert.equal(1, bytes)
        end)
        client:send(table.unpack(args))
      end
      inside = false
      client:send("through", port, "127.0.0.4", helper.sent())
      assert.same({ "through" }, helper.messages(helper.fill(inbox)))
      helper.close(client, server)
    end)
  end)

  it("tells 'error' without a callback, once a turn, however many they are", function()
    helper.run(function()
      local client = helper.bound(options())
      client:on("error", helper.expect(function(err)
        helper.has(BLOCKED, err)
      end))
      for _ = 1, 100 do client:send("x", 9, "127.0.0.1") end
      client:send("x", 9, "127.0.0.1", helper.expect(function() client:close() end))
    end)
  end)

  it("refuses a connect", function()
    helper.run(function()
      local client = dgram.createSocket(options())
      client:connect(9, "127.0.0.1", helper.expect(function(err)
        helper.has(BLOCKED, err)
        helper.has(BLOCKED, helper.raised(client.connectSync, client, 9, "127.0.0.2"))
        client:connect(9, "127.0.0.4", helper.expect(function(none)
          assert.is_nil(none)
          client:close()
        end))
      end))
    end)
  end)

  it("knows IPv4 destinations of an IPv6 socket", function()
    helper.run(function()
      local with = options()
      with.type = "udp6"
      local client = dgram.createSocket(with)
      client:send("x", 9, "::ffff:127.0.0.1", helper.expect(function(err)
        helper.has(BLOCKED, err)
        client:close()
      end))
    end)
  end)
end)

-- The core, because the facade lets nothing of this reach it.
describe("the core of a block list", function()
  it("refuses what is no address or no subnet, and blocks nothing then", function()
    local list = core.blocklist()
    for _, text in ipairs { "", "name.test", "1.2.3", "1.2.3.4\0", ":::" } do
      assert.is_false(list:add(text, "255.255.255.255"))
      assert.is_false(list:add("0.0.0.0", text))
      assert.is_false(list:subnet(text, 0))
      assert.is_false(list:check(text))
    end
    for _, prefix in ipairs { -97, 33, 1000 } do
      assert.is_false(list:subnet("1.2.3.4", prefix))
    end
    assert.is_false(list:subnet("::", -1))
    assert.is_false(list:subnet("::", 129))
    assert.is_false(list:check("1.2.3.4"))
    assert.is_true(list:subnet("::", 0))
    assert.is_true(list:check("1.2.3.4"))
  end)

  it("blocks what its rules block, in whatever order they come", function()
    for seed = 1, 40 do
      math.randomseed(seed)
      local list, rules = core.blocklist(), {}
      local function text(v6, n) return (v6 and "::ffff:10.0.0.%d" or "10.0.0.%d"):format(n) end
      for _ = 1, math.random(1, 12) do
        local low = math.random(0, 60)
        local high = low + math.random(0, 9)
        local below = math.random() < 0.3 -- from an address of IPv6: IPv4 is not meant
        assert.is_true(list:add(below and "::" or text(false, low), text(false, high)))
        rules[#rules + 1] = { below = below, low = below and 0 or low, high = high }
      end
      for n = 0, 80 do
        for _, v6 in ipairs { true, false } do
          local blocked = false
          for _, rule in ipairs(rules) do
            blocked = blocked or (n >= rule.low and n <= rule.high and (v6 or not rule.below))
          end
          assert.equal(blocked, list:check(text(v6, n)), text(v6, n) .. ", seed " .. seed)
        end
      end
    end
  end)

  it("is asked as fast with many rules as with one", function()
    local function seconds(count)
      local list = core.blocklist()
      for i = 1, count do
        local text = ("10.%d.%d.1"):format(math.floor(i / 256), i % 256)
        list:add(text, text)
      end
      local begin = os.clock()
      for _ = 1, 3000 do list:check "11.0.0.1" end
      return os.clock() - begin
    end
    assert.is_true(seconds(20000) < 20 * seconds(1) + 0.01, "each rule costs time")
  end)
end)
