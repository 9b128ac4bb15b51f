-- Multicast between hosts, IPv4 and IPv6: join, leave, loopback, hops, one
-- source only, and the ways to name an interface. Run by `make test-net`.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"

-- A network of a sender and a receiver, and the words of an IP version.
local versions = {
  { name = "IPv4", type = "udp4", any = "0.0.0.0", group = "239.1.2.3",
    other = "239.1.2.4", ssm = "232.1.2.3",
    prefix = { "10.0.0.%d", "10.0.1.%d" }, bits = "/24" },
  { name = "IPv6", type = "udp6", any = "::", group = "ff15::123",
    other = "ff15::124", ssm = "ff35::123",
    prefix = { "fd00:0::%d", "fd00:1::%d" }, bits = "/64" },
}

local PORT = Network.PORT

-- A bound socket in a host that notes what it hears.
local function listener(host, v)
  return host:listener({ type = v.type, reuseAddr = true }, { address = v.any })
end

-- A bound socket in a host that sends by an interface.
local function sender(host, v, interface, address)
  local socket = host:socket(v.type, { address = address or v.any })
  if interface then host:call(socket.setMulticastInterface, socket, interface) end
  return socket
end

-- Sends messages to a group and waits until they went.
local function tell(socket, group, ...)
  local waiting, failure = 0, nil
  for _, msg in ipairs { ... } do
    waiting = waiting + 1
    socket:send(msg, PORT, group, function(err)
      waiting, failure = waiting - 1, err
    end)
  end
  helper.wait(function() return waiting == 0 end)
  assert.is_nil(failure)
end

-- Sends a last word by unicast, and waits for it: what took the same way before
-- has come, or never will.
local function fence(socket, from, address)
  from:send("end", PORT, address)
  helper.wait(function() return socket.heard[#socket.heard] == "end" end)
  table.remove(socket.heard)
end

-- Asserts what was heard from a sender up to now.
local function expect_heard(socket, from, address, ...)
  fence(socket, from, address)
  assert.same({ ... }, socket.heard)
  socket.heard = {}
end

for _, v in ipairs(versions) do
  -- The address of a host in one of the two networks.
  local function ip(net, number) return v.prefix[net]:format(number) end

  describe("multicast over " .. v.name, function()
    local network, a, b, c

    -- Host b is in both networks, a in the first, c in the second.
    before_each(function()
      network = Network.new()
      a, b, c = network:host(), network:host(), network:host()
      network:switch("eth0", a, b)
      network:switch("eth1", b, c)
      a:address("eth0", ip(1, 1) .. v.bits)
      b:address("eth0", ip(1, 2) .. v.bits)
      b:address("eth1", ip(2, 2) .. v.bits)
      c:address("eth1", ip(2, 3) .. v.bits)
      a:settle("eth0")
      b:settle("eth0", "eth1")
      c:settle("eth1")
    end)

    after_each(function() network:close() end)

    it("is heard between join and leave", function()
      helper.run(function()
        local hears, says = listener(b, v), sender(a, v, "eth0")
        tell(says, v.group, "too early")
        expect_heard(hears, says, ip(1, 2))
        b:call(hears.addMembership, hears, v.group, "eth0")
        tell(says, v.group, "one", "two")
        tell(says, v.other, "another group")
        expect_heard(hears, says, ip(1, 2), "one", "two")
        b:call(hears.dropMembership, hears, v.group, "eth0")
        tell(says, v.group, "too late")
        expect_heard(hears, says, ip(1, 2))
        helper.close(hears, says)
      end)
    end)

    it("comes back to its own host unless that is switched off", function()
      helper.run(function()
        local hears, says = listener(b, v), sender(b, v, "eth0")
        b:call(hears.addMembership, hears, v.group, "eth0")
        tell(says, v.group, "on")
        says:setMulticastLoopback(false)
        tell(says, v.group, "off")
        expect_heard(hears, says, ip(1, 2), "on")
        helper.close(hears, says)
      end)
    end)

    it("leaves the host with a hop, and stays there without", function()
      helper.run(function()
        local here, there = listener(a, v), listener(b, v)
        local says = sender(a, v, "eth0")
        a:call(here.addMembership, here, v.group, "eth0")
        b:call(there.addMembership, there, v.group, "eth0")
        says:setMulticastTTL(0)
        tell(says, v.group, "none")
        says:setMulticastTTL(1)
        tell(says, v.group, "one")
        expect_heard(here, says, ip(1, 1), "none", "one")
        expect_heard(there, says, ip(1, 2), "one")
        helper.close(here, there, says)
      end)
    end)

    it("of one source is heard from that source alone", function()
      helper.run(function()
        a:address("eth0", ip(1, 9) .. v.bits)
        local hears = listener(b, v)
        local bad = sender(a, v, "eth0", ip(1, 9))
        local good = sender(a, v, "eth0", ip(1, 1))
        b:call(hears.addSourceSpecificMembership, hears, ip(1, 1), v.ssm,
          "eth0")
        tell(bad, v.ssm, "bad")
        fence(hears, bad, ip(1, 2))
        tell(good, v.ssm, "good")
        expect_heard(hears, good, ip(1, 2), "good")
        b:call(hears.dropSourceSpecificMembership, hears, ip(1, 1), v.ssm,
          "eth0")
        tell(good, v.ssm, "too late")
        expect_heard(hears, good, ip(1, 2))
        helper.close(hears, good, bad)
      end)
    end)

    local ways = {
      ["a name"] = function() return "eth1" end,
      ["an index"] = function() return b:index("eth1") end,
      ["an index in a string"] = function() return "" .. b:index("eth1") end,
      ["an address"] = function() return ip(2, 2) end,
    }
    if v.type == "udp6" then
      ways["a zone"] = function() return "::%eth1" end
    end
    for way, interface in pairs(ways) do
      it("is joined on the interface given as " .. way, function()
        helper.run(function()
          local hears = listener(b, v)
          local near, far = sender(a, v, "eth0"), sender(c, v, "eth1")
          b:call(hears.addMembership, hears, v.group, interface())
          tell(near, v.group, "near")
          fence(hears, near, ip(1, 2))
          tell(far, v.group, "far")
          expect_heard(hears, far, ip(2, 2), "far")
          helper.close(hears, near, far)
        end)
      end)

      it("leaves by the interface given as " .. way, function()
        helper.run(function()
          local near, far = listener(a, v), listener(c, v)
          a:call(near.addMembership, near, v.group, "eth0")
          c:call(far.addMembership, far, v.group, "eth1")
          local name = interface()
          local says = sender(b, v, type(name) == "number" and "" .. name
            or name)
          tell(says, v.group, "hello")
          expect_heard(far, says, ip(2, 3), "hello")
          expect_heard(near, says, ip(1, 1))
          helper.close(near, far, says)
        end)
      end)
    end

    it("is joined everywhere with *", function()
      helper.run(function()
        local hears = listener(b, v)
        local near, far = sender(a, v, "eth0"), sender(c, v, "eth1")
        b:call(hears.addMembership, hears, v.group, "*")
        tell(near, v.group, "near")
        expect_heard(hears, near, ip(1, 2), "near")
        tell(far, v.group, "far")
        expect_heard(hears, far, ip(2, 2), "far")
        b:call(hears.dropMembership, hears, v.group, "*")
        tell(near, v.group, "near")
        expect_heard(hears, near, ip(1, 2))
        tell(far, v.group, "far")
        expect_heard(hears, far, ip(2, 2))
        helper.close(hears, near, far)
      end)
    end)

    if v.type == "udp6" then
      it("is joined on the interface that is the group's zone", function()
        helper.run(function()
          local hears = listener(b, v)
          local near, far = sender(a, v, "eth0"), sender(c, v, "eth1")
          b:call(hears.addMembership, hears, v.group .. "%eth1")
          tell(near, v.group, "near")
          fence(hears, near, ip(1, 2))
          tell(far, v.group, "far")
          expect_heard(hears, far, ip(2, 2), "far")
          helper.close(hears, near, far)
        end)
      end)
    end

    if v.type == "udp4" then
      it("is joined on an interface that has no address", function()
        helper.run(function()
          b:run("ip address flush dev eth1")
          local hears, far = listener(b, v), sender(c, v, "eth1")
          b:call(hears.addMembership, hears, v.group, "eth1")
          tell(far, v.group, "far")
          helper.wait(function() return hears.heard[1] end)
          assert.same({ "far" }, hears.heard)
          helper.close(hears, far)
        end)
      end)
    end

    it("is joined with * where it was not joined yet", function()
      helper.run(function()
        local hears, near = listener(b, v), sender(a, v, "eth0")
        b:call(hears.addMembership, hears, v.group, "eth1")
        b:call(hears.addMembership, hears, v.group, "*")
        tell(near, v.group, "near")
        expect_heard(hears, near, ip(1, 2), "near")
        local ok = b:call(pcall, hears.addMembership, hears, v.group, "*")
        assert.is_false(ok, "it was joined everywhere")
        helper.close(hears, near)
      end)
    end)

    it("is not joined on an interface that does not exist", function()
      helper.run(function()
        local hears = listener(b, v)
        for _, name in ipairs { "eth9", "99", "1x", ip(1, 77), "" } do
          local ok, err = b:call(pcall, hears.addMembership, hears, v.group,
            name)
          assert.is_false(ok, "joined on " .. name)
          assert.equal("addMembership", err.syscall)
        end
        hears:close()
      end)
    end)
  end)
end
