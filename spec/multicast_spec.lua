-- Multicast: membership of groups and of single sources, by every name of an
-- interface. The loopback interface carries no IPv6 multicast, and always loops;
-- so all runs again in a network namespace, on a pair of virtual interfaces.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"
local uv = require "luv"

-- The name of the loopback interface.
local function loopback_interface()
  for name, list in pairs(uv.interface_addresses()) do
    if list[1].internal then return name end
  end
end

local LO = loopback_interface()
local PAIR = os.getenv "DGRAM_SPEC_PAIR" -- the interface, inside the namespace

-- Where: groups, our address, and how to name the interface.
local multicast = {
  udp4 = { group = "230.1.2.3", other = "230.1.2.4", ssm = "232.1.2.3",
    address = PAIR and "10.0.0.1" or "127.0.0.1", traffic = true },
  udp6 = { group = "ff02::1:2:3", other = "ff02::1:2:4", ssm = "ff32::1:2:3",
    address = PAIR and "fd00::1" or "::1", traffic = PAIR ~= nil },
}
multicast.udp4.by = { multicast.udp4.address, PAIR or LO }
multicast.udp6.by = { "::%" .. (PAIR or LO), PAIR or LO, multicast.udp6.address }

for kind, case in pairs(multicast) do
  -- Specs that the loopback interface cannot pass are defined where they run: in
  -- the namespace, whose spec below is pending where there is none.
  local function nowhere() end
  local traffic_it = case.traffic and it or nowhere
  local pair_it = PAIR and it or nowhere

  -- A socket on the wildcard, and one that sends to the group.
  local function open()
    local any = kind == "udp4" and "0.0.0.0" or "::"
    local member, inbox = helper.bound(kind, any)
    local sender = helper.bound(kind, case.address)
    sender:setMulticastInterface(case.by[1])
    return member, inbox, sender
  end

  describe(kind .. " multicast", function()
    for _, interface in ipairs(case.by) do
      traffic_it("reaches members, joined by " .. interface, function()
        helper.run(function()
          local member, inbox, sender = open()
          local port = member:address().port
          sender:setMulticastInterface(interface)
          assert.equal(0, select("#", member:addMembership(case.group, interface)))
          sender:send("joined", port, case.group, helper.sent())
          helper.fill(inbox)
          assert.equal(0, select("#", member:dropMembership(case.group, interface)))
          sender:send("left", port, case.group)
          sender:send("directly", port, case.address)
          assert.same({ "joined", "directly" }, helper.messages(helper.fill(inbox, 2)))
          helper.close(member, sender)
        end)
      end)
    end

    pair_it("is not heard by this host without multicast loopback", function()
      helper.run(function()
        local member, inbox, sender = open()
        local port = member:address().port
        member:addMembership(case.group, case.by[1])
        sender:setMulticastLoopback(false)
        sender:send("silent", port, case.group)
        sender:setMulticastLoopback(true)
        sender:send("loud", port, case.group)
        assert.same({ "loud" }, helper.messages(helper.fill(inbox)))
        helper.close(member, sender)
      end)
    end)

    traffic_it("is joined before bind too", function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        local inbox = helper.listen(socket)
        socket:addMembership(case.group, case.by[1])
        socket:setMulticastInterface(case.by[1])
        socket:bind(helper.expect(function()
          socket:send("to myself", socket:address().port, case.group)
        end))
        assert.same({ "to myself" }, helper.fill(inbox))
        socket:close()
      end)
    end)

    -- A socket on the wildcard that is no member, beside one that is.
    local function beside(options, port)
      options.type, options.reuseAddr = kind, true
      local socket = dgram.createSocket(options)
      socket:bindSync { port = port }
      return socket, helper.listen(socket)
    end

    traffic_it("that others joined is heard, but for multicastAll = false", function()
      if os.getenv "PORTABLE" then pending("this build has no multicastAll") end
      helper.run(function()
        local member, heard = beside({}, 0)
        local port = member:address().port
        member:addMembership(case.group, case.by[1])
        local all, heard_all = beside({ multicastAll = true }, port)
        local own, heard_own = beside({ multicastAll = false }, port)
        own:addMembership(case.other, case.by[1])
        local sender = helper.bound(kind, case.address)
        sender:setMulticastInterface(case.by[1])
        sender:send("theirs", port, case.group)
        sender:send("ours", port, case.other)
        helper.fill(heard_own)
        assert.same({ "theirs", "ours" }, helper.fill(heard_all, 2))
        assert.same({ "theirs", "ours" }, helper.fill(heard, 2))
        assert.same({ "ours" }, heard_own)
        helper.close(member, all, own, sender)
      end)
    end)

    it("refuses a second join, and leaving what was not joined", function()
      helper.run(function()
        local socket = helper.bound(kind)
        local add, drop = socket.addMembership, socket.dropMembership
        add(socket, case.group, case.by[1])
        helper.has({ code = "EADDRINUSE", message = "addMembership EADDRINUSE" },
          helper.raised(add, socket, case.group, case.by[1]))
        helper.has({ code = "EADDRNOTAVAIL", message = "dropMembership EADDRNOTAVAIL" },
          helper.raised(drop, socket, case.other, case.by[1]))
        drop(socket, case.group, case.by[1])
        helper.has({ code = "EADDRNOTAVAIL" },
          helper.raised(drop, socket, case.group, case.by[1]))
        socket:close()
      end)
    end)

    it("refuses what is no group, no address, or of the other family", function()
      helper.run(function()
        local socket = helper.bound(kind)
        local wrong = kind == "udp4" and "ff02::1" or "230.1.1.1"
        for _, group in ipairs { case.address, "group", wrong, case.group .. "\0" } do
          helper.has({ code = "EINVAL", syscall = "addMembership",
            message = "addMembership EINVAL" },
            helper.raised(socket.addMembership, socket, group))
        end
        helper.has({ code = "ERR_MISSING_ARGS", name = "TypeError",
          message = 'The "multicastAddress" argument must be specified' },
          helper.raised(socket.addMembership, socket))
        helper.has({ code = "ERR_MISSING_ARGS" },
          helper.raised(socket.dropMembership, socket, ""))
        socket:close()
      end)
    end)

    it("refuses an interface that is not there, and never takes another", function()
      helper.run(function()
        local socket = helper.bound(kind)
        for _, interface in ipairs { "nosuchinterface", "::%nosuch", "192.0.2.99",
          "2001:db8::99", 999999, "999999", "", "-1" } do
          local join = helper.raised(socket.addMembership, socket, case.group, interface)
          assert.truthy(join.code:find "^E", tostring(interface))
          helper.raised(socket.dropMembership, socket, case.group, interface)
          helper.raised(socket.addSourceSpecificMembership, socket, case.address, case.ssm,
            interface)
          if type(interface) == "string" then
            helper.raised(socket.setMulticastInterface, socket, interface)
          end
          -- Not joined on any other interface:
          helper.has({ code = "EADDRNOTAVAIL" },
            helper.raised(socket.dropMembership, socket, case.group, case.by[1]))
        end
        socket:close()
      end)
    end)

    local zones_it = kind == "udp6" and pair_it or nowhere

    zones_it("refuses an interface that is not that of a zone", function()
      helper.run(function()
        local socket, zone = helper.bound(kind), "%" .. LO
        local add, drop = socket.addMembership, socket.dropMembership
        for _, interface in ipairs { PAIR, "::%" .. PAIR, "*" } do
          helper.has({ code = "EINVAL" },
            helper.raised(add, socket, case.group .. zone, interface))
          helper.has({ code = "EINVAL" },
            helper.raised(socket.addSourceSpecificMembership, socket, "fe80::1" .. zone,
              case.ssm, interface))
        end
        for _, interface in ipairs { LO, "::", "::1" } do
          add(socket, case.group .. zone, interface)
          drop(socket, case.group, LO)
        end
        socket:close()
      end)
    end)

    zones_it("of one source is joined on the interface that is the source's zone", function()
      if not traffic.has_sources() then pending("no memberships of one source") end
      helper.run(function()
        local socket = helper.bound(kind)
        socket:addSourceSpecificMembership("fe80::1%" .. LO, case.ssm)
        socket:dropSourceSpecificMembership("fe80::1", case.ssm, LO)
        socket:close()
      end)
    end)

    it("is joined on every interface with '*'", function()
      helper.run(function()
        local socket = helper.bound(kind)
        local ok, err = pcall(socket.addMembership, socket, case.group, "*")
        if ok then
          socket:dropMembership(case.group, "*")
        else
          assert.equal("ENODEV", err.code) -- nothing here can multicast
        end
        socket:close()
      end)
    end)

    traffic_it("of one source is heard from that source only", function()
      if not traffic.has_sources() then pending("no memberships of one source") end
      helper.run(function()
        local member, inbox, sender = open()
        local port = member:address().port
        member:addSourceSpecificMembership(case.address, case.ssm, case.by[1])
        sender:send("from the source", port, case.ssm)
        helper.fill(inbox)
        member:dropSourceSpecificMembership(case.address, case.ssm, case.by[1])
        sender:send("after leaving", port, case.ssm)
        sender:send("directly", port, case.address)
        assert.same({ "from the source", "directly" },
          helper.messages(helper.fill(inbox, 2)))
        local err = helper.raised(member.dropSourceSpecificMembership, member,
          case.address, case.ssm, case.by[1])
        assert.equal("dropSourceSpecificMembership", err.syscall)
        helper.close(member, sender)
      end)
    end)

    traffic_it("of another source is not heard", function()
      if not traffic.has_sources() then pending("no memberships of one source") end
      helper.run(function()
        local member, inbox, sender = open()
        local port = member:address().port
        local stranger = kind == "udp4" and "192.0.2.9" or "2001:db8::9"
        member:addSourceSpecificMembership(stranger, case.ssm, case.by[1])
        sender:send("from another", port, case.ssm)
        sender:send("directly", port, case.address)
        assert.same({ "directly" }, helper.messages(helper.fill(inbox)))
        helper.close(member, sender)
      end)
    end)
  end)
end

describe("setMulticastInterface", function()
  it("takes the wildcard back to the system's choice", function()
    helper.run(function()
      local four, six = dgram.createSocket("udp4"), dgram.createSocket("udp6")
      for _, interface in ipairs { "127.0.0.1", "0.0.0.0" } do
        assert.equal(0, select("#", four:setMulticastInterface(interface)))
      end
      for _, interface in ipairs { "::%" .. LO, "::" } do
        assert.equal(0, select("#", six:setMulticastInterface(interface)))
      end
      helper.close(four, six)
    end)
  end)

  it("holds for the IPv4 of a dual-stack socket, too", function()
    if os.getenv "PORTABLE" == "2" then
      pending("this build knows interfaces of IPv4 by their addresses alone")
    end
    helper.run(function()
      local group = multicast.udp4.group
      local member, inbox = helper.bound("udp4", "0.0.0.0")
      local sender = helper.bound("udp6", "::")
      member:addMembership(group, "127.0.0.1")
      sender:setMulticastInterface(LO)
      sender:send("x", member:address().port, "::ffff:" .. group, helper.sent())
      assert.same({ "x" }, helper.messages(helper.fill(inbox)))
      helper.close(member, sender)
    end)
  end)
end)

describe("in a network namespace", function()
  -- Makes a pair of interfaces and runs the specs of udp6 on it.
  local SCRIPT = [[
    ip link set lo up && ip link add pair0 type veth peer name pair1 &&
    ip link set pair1 up && ip link set pair0 up &&
    ip addr add 10.0.0.1/24 dev pair0 && ip -6 addr add fd00::1/64 dev pair0 nodad ||
      exit 77
    DGRAM_SPEC_PAIR=pair0 exec "$0" spec/busted.lua \
      --filter="udp[46] multicast" spec/multicast_spec.lua 2>&1 ]]

  it("udp4 and udp6 carry multicast", function()
    helper.run(function()
      local child = Child.start("unshare", "-rn", "sh", "-c", SCRIPT, uv.exepath())
      local status, text = child:outcome(20)
      if status == 77 or text == "" then pending("no network namespace: " .. status) end
      local passed = tonumber(text:match("(%d+) passed, 0 failed")) or 0
      assert.is_true(passed > 16, text)
    end, 25)
  end)
end)
