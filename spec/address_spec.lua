-- Addresses as text: literals of both families, zones, and what address() and
-- rinfo make of them.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local uv = require "luv"

-- Whether a socket can have an address: one that is tentative (RFC 4862) it cannot.
local function is_ready(address)
  local socket = uv.new_udp()
  local ok = socket:bind(address, 0)
  socket:close()
  return ok
end

-- A link-local IPv6 address of this host that is ready: the address, and its interface.
local function link_local()
  for name, list in pairs(uv.interface_addresses()) do
    for _, each in ipairs(list) do
      local ip = each.ip:match("^[^%%]+")
      if ip:lower():find("^fe80:") and is_ready(ip .. "%" .. name) then return ip, name end
    end
  end
end

-- The index of an interface, as text.
local function index_of(name)
  return helper.read("/sys/class/net/" .. name .. "/ifindex"):match("%d+")
end

-- Errors unless a number is an integer, where Lua knows the difference.
local function is_integer(number)
  assert.equal("number", type(number))
  if math.type then assert.equal("integer", math.type(number)) end
end

-- Whether the library takes a text for an address, and does not look it up.
local function is_literal(text)
  local asked = false
  local socket = dgram.createSocket { type = "udp6", lookup = function(host, _, done)
    if host == "::" then return done(nil, "::") end
    asked = true
    done("no")
  end }
  socket:send("x", 9, text, function() end)
  helper.wait(function() return socket:getSendQueueCount() == 0 end)
  socket:close()
  return not asked
end

describe("literal addresses", function()
  for _, text in ipairs { "127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1",
    "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "::ffff:127.0.0.1", "fe80::1%lo",
    "fe80::1%1" } do
    it("never go to a resolver: " .. text, function()
      helper.run(function() assert.is_true(is_literal(text)) end)
    end)
  end

  for _, text in ipairs { "localhost", "127.1", "1", "0x7f000001", "127.0.0.1.",
    " 127.0.0.1", "127.0.0.1 ", "256.0.0.1", "::g", ":::", "1::2::3", "127.0.0.1%lo",
    "name%lo", "" .. ("a"):rep(300) } do
    it("are strict: " .. text:sub(1, 20) .. " is a name", function()
      helper.run(function() assert.is_false(is_literal(text)) end)
    end)
  end

  it("with a zero byte inside are refused, and reach nobody", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4")
      local port = server:address().port
      server:send("x", port, "127.0.0.1\0.example", helper.expect(function(err)
        assert.is_not_nil(err)
        server:send("y", port)
      end))
      assert.same({ "y" }, helper.messages(helper.fill(inbox)))
      server:close()
    end)
  end)
end)

describe("address() and rinfo", function()
  -- What is bound, and how it is spelt.
  for _, case in ipairs {
    { "udp4", "127.0.0.1", "127.0.0.1" }, { "udp4", "127.0.0.9", "127.0.0.9" },
    { "udp4", "0.0.0.0", "0.0.0.0" }, { "udp6", "::1", "::1" },
    { "udp6", "0:0:0:0:0:0:0:1", "::1" }, { "udp6", "::", "::" },
    { "udp6", "::ffff:127.0.0.1", "::ffff:127.0.0.1" },
  } do
    it(("spell %s as %s"):format(case[2], case[3]), function()
      helper.run(function()
        local socket = helper.bound(case[1], case[2])
        local at = socket:address()
        assert.equal(case[3], at.address)
        assert.equal(case[1] == "udp4" and "IPv4" or "IPv6", at.family)
        is_integer(at.port)
        socket:close()
      end)
    end)
  end

  it("tell senders apart that alternate", function()
    helper.run(function()
      local server, inbox = helper.bound("udp4", "0.0.0.0")
      local port, clients = server:address().port, {}
      for i = 1, 20 do clients[i] = helper.bound("udp4", "127.0.1." .. i) end
      for round = 1, 3 do
        for i = 1, 20 do clients[i]:send(i .. " " .. round, port) end
      end
      helper.fill(inbox, 60)
      for _, each in ipairs(inbox) do
        local i = tonumber(each.msg:match("^%d+"))
        assert.equal("127.0.1." .. i, each.from.address)
        assert.equal(clients[i]:address().port, each.from.port)
      end
      for i = 1, 20 do clients[i]:close() end
      server:close()
    end)
  end)

  it("tell hundreds of senders apart", function()
    helper.run(function()
      local server, inbox = helper.bound({ type = "udp4", recvBufferSize = 2 ^ 22 },
        "0.0.0.0")
      local port, count = server:address().port, 600
      for i = 1, count do
        local udp = uv.new_udp()
        local own = ("127.1.%d.%d"):format(math.floor(i / 250), i % 250 + 1)
        udp:bind(own, 0)
        assert(udp:try_send(own, "127.0.0.1", port))
        udp:close()
        if i % 50 == 0 then helper.fill(inbox, i) end
      end
      helper.fill(inbox, count)
      for _, each in ipairs(inbox) do assert.equal(each.msg, each.from.address) end
      server:close()
    end)
  end)

  it("are fresh tables with integers", function()
    helper.run(function()
      local socket, inbox = helper.bound("udp4")
      assert.is_false(rawequal(socket:address(), socket:address()))
      socket:send("x", socket:address().port)
      local from = helper.fill(inbox)[1].from
      is_integer(from.port)
      is_integer(from.size)
      socket:close()
    end)
  end)
end)

describe("IPv6 zones", function()
  local address, interface = link_local()

  -- A spec that needs a link-local address.
  local function zone_it(what, test)
    it(what, function()
      if not address then pending("no interface has a link-local address that is ready") end
      helper.run(test)
    end)
  end

  for name, zone in pairs { name = function() return interface end,
    index = function() return index_of(interface) end } do
    zone_it("by " .. name .. " are taken by bind, send and connect", function()
      local text = address .. "%" .. zone()
      local spelt = address .. "%" .. interface
      local server, inbox = helper.bound("udp6", text)
      assert.equal(spelt, server:address().address)
      local client = dgram.createSocket("udp6")
      local port = server:address().port
      client:send("sent", port, text, helper.sent())
      local from = helper.fill(inbox)[1].from
      assert.equal(spelt, from.address)
      assert.equal("IPv6", from.family)
      client:connect(port, text, helper.expect(function(err)
        assert.is_nil(err)
        assert.equal(spelt, client:remoteAddress().address)
        client:send("connected")
      end))
      helper.fill(inbox, 2)
      helper.close(client, server)
    end)
  end

  zone_it("are part of what rinfo reports, so that it can be answered", function()
    local text = address .. "%" .. interface
    local server, inbox = helper.bound("udp6", "::")
    local client, answers = helper.bound("udp6", text)
    client:send("question", server:address().port, text)
    local from = helper.fill(inbox)[1].from
    server:send("answer", from.port, from.address)
    assert.same({ "answer" }, helper.messages(helper.fill(answers)))
    helper.close(client, server)
  end)

  it("that nobody knows are an error", function()
    helper.run(function()
      local socket, bound = dgram.createSocket("udp6"), false
      socket:on("error", helper.expect(function(err)
        assert.equal("bind", err.syscall)
        assert.truthy(err.code:find "^E")
        socket:bind(0, "::1", function() bound = true end)
      end))
      socket:bind(0, "fe80::1%nosuch")
      helper.wait(function() return bound end)
      for _, zone in ipairs { "nosuch", "999999", "", "lo0000000000000000000000" } do
        local failed
        socket:send("x", 9, "fe80::1%" .. zone, function(err) failed = err end)
        helper.wait(function() return failed end)
        assert.truthy(failed.code:find "^E", zone)
      end
      local other = dgram.createSocket("udp6") -- 1 is an interface, 1x is none
      helper.has({ code = "ENODEV", address = "::1%1x" },
        helper.raised(other.bindSync, other, { address = "::1%1x" }))
      helper.close(socket, other)
    end)
  end)
end)
