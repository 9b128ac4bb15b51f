-- What a single send says of how it leaves: the source address, the interface, the
-- TTL and the type of service of this datagram, in every form of send.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"

-- An option that the platform lacks is pending: `make PORTABLE=2`, OpenBSD.
local function need(pending, version, name)
  if not inside.supports(version, name) then pending("no option " .. name .. " here") end
end

-- A receiver on all addresses and a sender; what it hears of the source is listed as
-- "message address".
local function pair(kind)
  local server, heard = dgram.createSocket(kind), {}
  server:bindSync()
  server:on("message", function(msg, rinfo)
    heard[#heard + 1] = msg .. " " .. rinfo.address
  end)
  server:setRecvBufferSize(traffic.ROOM)
  return server, dgram.createSocket(kind), server:address().port, heard
end

local unpack = table.unpack or unpack -- luacheck: ignore 113

local FROM = { localAddress = "127.0.0.3" }

describe("the source address of a datagram", function()
  -- The forms: what stands behind the message, PORT and CALLBACK filled in.
  local PORT, CALLBACK = {}, {}
  local forms = {
    { "port, options", { PORT, FROM } },
    { "port, options, callback", { PORT, FROM, CALLBACK } },
    { "port, nil, options, callback", { PORT, nil, FROM, CALLBACK, n = 4 } },
    { "port, address, options", { PORT, "127.0.0.1", FROM } },
    { "port, address, options, callback", { PORT, "127.0.0.1", FROM, CALLBACK } },
    { "port, host name, options, callback", { PORT, "localhost", FROM, CALLBACK } },
    { "offset, length, port, options", { 0, 1, PORT, FROM } },
    { "offset, length, port, options, callback", { 0, 1, PORT, FROM, CALLBACK } },
    { "offset, length, port, address, options, callback",
      { 0, 1, PORT, "127.0.0.1", FROM, CALLBACK } },
  }

  -- Fills port and callback in.
  local function fill(arguments, port, callback)
    local filled, n = {}, arguments.n or #arguments
    for i = 1, n do
      local value = arguments[i]
      if value == PORT then value = port elseif value == CALLBACK then value = callback end
      filled[i] = value
    end
    return unpack(filled, 1, n)
  end

  for _, form in ipairs(forms) do
    for _, message in ipairs { "x", { "x" } } do
      it(("is that of %s(%s, %s)"):format(type(message) == "table" and form[2][1] == PORT
        and "sendMany" or "send", type(message), form[1]), function()
        need(pending, 4, "localAddress")
        helper.run(function()
          local server, client, port, heard = pair("udp4")
          local many = type(message) == "table" and form[2][1] == PORT
          local told = form[1]:find("callback") and helper.sent(1)
          client[many and "sendMany" or "send"](client, message, fill(form[2], port, told))
          assert.same({ "x 127.0.0.3" }, helper.fill(heard))
          helper.close(server, client)
        end)
      end)
    end
  end

  it("is that of sendto, with options before the callback", function()
    need(pending, 4, "localAddress")
    helper.run(function()
      local server, client, port, heard = pair("udp4")
      client:sendto("axb", 1, 1, port, "127.0.0.1", FROM, helper.sent(1))
      assert.same({ "x 127.0.0.3" }, helper.fill(heard))
      helper.close(server, client)
    end)
  end)

  it("is that of a callback behind options that are nil", function()
    helper.run(function()
      local server, client, port, heard = pair("udp4")
      client:send("x", port, "127.0.0.1", nil, helper.sent(1))
      client:send("y", port, nil, nil, helper.sent(1))
      client:send("z", port, "127.0.0.1", {}, helper.sent(1))
      assert.same({ "x 127.0.0.1", "y 127.0.0.1", "z 127.0.0.1" }, helper.fill(heard, 3))
      helper.close(server, client)
    end)
  end)

  it("is that of a connected socket's send, whose own address is another", function()
    need(pending, 4, "localAddress")
    helper.run(function()
      local server, client, port, heard = pair("udp4")
      client:connectSync(port, "127.0.0.1")
      client:send("a", FROM, helper.sent(1))
      client:send("b", helper.sent(1))
      client:send("xcx", 1, 1, FROM)
      client:send("d", nil, helper.sent(1))
      client:sendMany({ "e", "f" }, FROM, helper.sent(2))
      client:sendMany({ "g" }, helper.sent(1))
      assert.same({ "a 127.0.0.3", "b 127.0.0.1", "c 127.0.0.3", "d 127.0.0.1",
        "e 127.0.0.3", "f 127.0.0.3", "g 127.0.0.1" }, helper.fill(heard, 7))
      for _, wrong in ipairs { { FROM, "x" }, { 9, FROM }, { FROM, FROM },
        { FROM, print, 9 }, { 0, 1, FROM, 9 } } do
        local err = helper.raised(client.send, client, "x", unpack(wrong))
        assert.equal("ERR_SOCKET_DGRAM_IS_CONNECTED", err.code)
      end
      helper.close(server, client)
    end)
  end)

  it("may be another for each of many in one batch, in order", function()
    need(pending, 4, "localAddress")
    helper.run(function()
      local server, client, port, heard = pair("udp4")
      local wanted = {}
      for i = 1, 300 do
        local from = "127.0." .. i % 7 .. "." .. 1 + i % 250
        client:send(tostring(i), port, "127.0.0.1", { localAddress = from })
        wanted[i] = i .. " " .. from
      end
      assert.same(wanted, helper.fill(heard, 300))
      assert.equal(300, client:stats().sent)
      helper.close(server, client)
    end)
  end)

  it("may be ours beside the socket's own, and beside one that is not", function()
    need(pending, 4, "localAddress")
    helper.run(function()
      local server, client, port, heard = pair("udp4")
      local codes = {}
      local function note(err) codes[#codes + 1] = err and err.code or "sent" end
      for i = 1, 4 do
        client:send("good" .. i, port, "127.0.0.1", FROM, note)
        client:send("plain" .. i, port, "127.0.0.1", note)
        client:send("bad" .. i, port, "127.0.0.1", { localAddress = "198.51.100.1" }, note)
      end
      helper.fill(codes, 12)
      for i = 1, 12 do
        assert.equal(i % 3 == 0, codes[i] ~= "sent", i .. " " .. codes[i])
        assert.truthy(({ sent = 1, EINVAL = 1, EADDRNOTAVAIL = 1, ENETUNREACH = 1 })[codes[i]])
      end
      assert.same({ "good1 127.0.0.3", "plain1 127.0.0.1", "good2 127.0.0.3" },
        { unpack(helper.fill(heard, 8), 1, 3) })
      helper.close(server, client)
    end)
  end)

  it("is the same for a train: they still travel together", function()
    need(pending, 4, "localAddress")
    helper.run(function()
      local server, client, port, heard = pair("udp4")
      client:bindSync { address = "0.0.0.0" }
      local messages = {}
      for i = 1, 120 do messages[i] = ("%03d"):format(i) end
      client:sendMany(messages, port, "127.0.0.1",
        { localAddress = "127.0.0.3", ttl = 9, typeOfService = 184, interface = "lo" },
        helper.sent(120))
      helper.fill(heard, 120)
      for i = 1, 120 do assert.equal(messages[i] .. " 127.0.0.3", heard[i]) end
      assert.is_true(client:stats().gso == 0 or client:stats().gso > 1)
      helper.close(server, client)
    end)
  end)

  it("waits with a datagram for its host name, and what the script changes then "
    .. "is not sent", function()
    need(pending, 4, "localAddress")
    helper.run(function()
      local server, idle, port, heard = pair("udp4")
      idle:close()
      local go
      local client = dgram.createSocket { type = "udp4",
        lookup = function(_, _, callback) go = callback end }
      local options = { localAddress = "127.0.0.3" }
      client:bindSync()
      client:send("x", port, "some.host", options, helper.sent(1))
      options.localAddress = "127.0.0.4"
      helper.wait(function() return go end)
      go(nil, "127.0.0.1")
      assert.same({ "x 127.0.0.3" }, helper.fill(heard))
      helper.close(server, client)
    end)
  end)

  it("of IPv6 and of IPv4 in the mapped form leave the same socket", function()
    need(pending, 4, "localAddress")
    helper.run(function()
      local server, client, port, heard = pair("udp6")
      local mapped = "::ffff:127.0.0.1"
      client:send("a", port, mapped, { localAddress = "::ffff:127.0.0.3" }, helper.sent(1))
      client:send("b", port, "::1", { localAddress = "::1" }, helper.sent(1))
      client:send("c", port, mapped, { ttl = 3, typeOfService = 4 }, helper.sent(1))
      client:send("d", port, { ttl = 3, typeOfService = 4, interface = 1 }, helper.sent(1))
      assert.same({ "a ::ffff:127.0.0.3", "b ::1", "c ::ffff:127.0.0.1", "d ::1" },
        helper.fill(heard, 4))
      client:connectSync(port, mapped)
      client:send("e", { localAddress = "::ffff:127.0.0.9" }, helper.sent(1))
      assert.equal("e ::ffff:127.0.0.9", helper.fill(heard, 5)[5])
      helper.close(server, client)
    end)
  end)

  for what, case in pairs {
    ["of IPv6 to a mapped address"] = { "udp6", "::ffff:127.0.0.1", "::1" },
    ["in the mapped form to IPv6"] = { "udp6", "::1", "::ffff:127.0.0.1" },
    ["of IPv4 from a socket of IPv6"] = { "udp6", "::1", "127.0.0.1" },
    ["of IPv6 from a socket of IPv4"] = { "udp4", "127.0.0.1", "::1" },
    ["that is not ours, IPv6"] = { "udp6", "::1", "2001:db8::1" },
  } do
    it(what .. " is EINVAL in the callback", function()
      need(pending, 4, "localAddress")
        helper.run(function()
        local server, client, port, heard = pair(case[1])
        client:send("x", port, case[2], { localAddress = case[3] },
          helper.expect(function(err)
            helper.has({ code = "EINVAL", syscall = "send", port = port }, err)
          end))
        client:send("usable", port, case[2], helper.sent())
        helper.fill(heard)
        helper.close(server, client)
      end)
    end)
  end
end)

describe("the interface of a datagram", function()
  it("has a name or an index, by which it leaves", function()
    need(pending, 4, "interface")
    helper.run(function()
      local server, client, port, heard = pair("udp4")
      client:send("name", port, "127.0.0.1", { interface = "lo" }, helper.sent())
      client:send("index", port, "127.0.0.1", { interface = 1 }, helper.sent())
      assert.same({ "name 127.0.0.1", "index 127.0.0.1" }, helper.fill(heard, 2))
      helper.close(server, client)
    end)
  end)

  for _, name in ipairs { "nosuch0", ("x"):rep(100), "lo\0such", 2 ^ 31 - 1 } do
    it(("%q that there is not is ENODEV in the callback"):format(name), function()
      need(pending, 4, "interface")
      helper.run(function()
        local server, client, port, heard = pair("udp4")
        client:send("x", port, "127.0.0.1", { interface = name },
          helper.expect(function(err)
            helper.has({ code = "ENODEV", address = "127.0.0.1", port = port }, err)
          end))
        client:send("usable", port, "127.0.0.1", helper.sent())
        helper.fill(heard)
        helper.close(server, client)
      end)
    end)
  end

  it("must be that of a zone", function()
    helper.run(function()
      local client = dgram.createSocket("udp6")
      client:send("x", 9, "::1", { localAddress = "::1%1", interface = 1 }, helper.sent())
      client:send("x", 9, "::1", { localAddress = "fe80::1%1", interface = 2 },
        helper.expect(function(err) assert.equal("EINVAL", err.code) end))
      client:close()
    end)
  end)
end)

describe("a wrong option of send", function()
  local cases = {
    { "localAddress", 5, "ERR_INVALID_ARG_TYPE" },
    { "localAddress", "", "ERR_INVALID_ARG_VALUE" },
    { "localAddress", "localhost", "ERR_INVALID_ARG_VALUE" },
    { "localAddress", "127.0.0.1\0", "ERR_INVALID_ARG_VALUE" },
    { "interface", true, "ERR_INVALID_ARG_TYPE" },
    { "interface", "", "ERR_INVALID_ARG_TYPE" },
    { "interface", 0, "ERR_OUT_OF_RANGE" },
    { "interface", 2 ^ 31, "ERR_OUT_OF_RANGE" },
    { "interface", 1.5, "ERR_OUT_OF_RANGE" },
    { "ttl", "1", "ERR_INVALID_ARG_TYPE" },
    { "ttl", 0, "ERR_OUT_OF_RANGE" },
    { "ttl", 256, "ERR_OUT_OF_RANGE" },
    { "ttl", -1, "ERR_OUT_OF_RANGE" },
    { "ttl", 1.5, "ERR_OUT_OF_RANGE" },
    { "ttl", 0 / 0, "ERR_OUT_OF_RANGE" },
    { "typeOfService", -1, "ERR_OUT_OF_RANGE" },
    { "typeOfService", 256, "ERR_OUT_OF_RANGE" },
    { "typeOfService", "x", "ERR_INVALID_ARG_TYPE" },
  }

  for _, case in ipairs(cases) do
    it(("is named: %s = %s"):format(case[1], tostring(case[2])), function()
      helper.run(function()
        local client = dgram.createSocket("udp6")
        for _, method in ipairs { "send", "sendMany" } do
          local err = helper.raised(client[method], client,
            method == "send" and "x" or { "x" }, 9, { [case[1]] = case[2] })
          assert.equal(case[3], err.code)
          assert.truthy(err.message:find("options." .. case[1], 1, true), err.message)
        end
        assert.equal(0, client:getSendQueueCount())
        client:close()
      end)
    end)
  end

  it("that there is not throws, and the nearest is named", function()
    helper.run(function()
      local client, local_ = dgram.createSocket("udp4"), dgram.createSocket("unix_dgram")
      local err = helper.raised(client.send, client, "x", 9, { localaddress = "127.0.0.1" })
      helper.has({ code = "ERR_INVALID_ARG_VALUE", message =
        "The property 'options.localaddress' is unknown. Did you mean 'localAddress'?" }, err)
      err = helper.raised(local_.send, local_, "x", "/nowhere", { ttl = 3 })
      helper.has({ code = "ERR_INVALID_ARG_VALUE",
        message = "The property 'options.ttl' is unknown." }, err)
      helper.close(client, local_)
    end)
  end)
end)

describe("an option that the platform lacks", function()
  it("throws ENOTSUP, and is named", function()
    local families = inside.families_without_options()
    for _, kind in ipairs { "udp4", "udp6" } do
      for name, value in pairs { localAddress = "::1", interface = "lo", ttl = 1,
        typeOfService = 0 } do
        local err = helper.raised(families[kind].send_options[name], { [name] = value },
          name)
        helper.has({ code = "ENOTSUP", syscall = "send",
          message = "send ENOTSUP (options." .. name .. ")" }, err)
      end
    end
  end)
end)

describe("unix_dgram", function()
  it("takes empty options in all forms", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local client, path = dgram.createSocket("unix_dgram"), server:address().address
      client:send("a", path, {}, helper.sent(1))
      client:send("abc", 1, 1, path, {}, helper.sent(1))
      client:sendto("abc", 2, 1, path, {}, helper.sent(1))
      client:sendMany({ "d" }, path, {}, helper.sent(1))
      client:send("e", path, nil, helper.sent(1))
      helper.fill(inbox, 5)
      assert.same({ "a", "b", "c", "d", "e" }, helper.messages(inbox))
      helper.close(server, client)
    end)
  end)
end)
