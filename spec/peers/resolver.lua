-- examples/resolver.lua asks dnsmasq, and examples/dns_server.lua.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"

local DNSMASQ = "dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= "
  .. "--user=root --group=root --local=/test/ --cname=alias.test,www.test "
  .. "--host-record=www.test,192.0.2.7,2001:db8::7 --host-record=four.test,192.0.2.4"

describe("resolver.lua", function()
  local network, server, client, dnsmasq

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  -- Asks; returns what was found, sorted, and expects a status (0) and each of these
  -- failures. There may be more: a busy machine is late.
  local function ask(arguments, status, ...)
    local text = peers.output(client, peers.command("resolver.lua", arguments), 20, status)
    local found = {}
    for line in text:gmatch("[^\n]+") do
      if not line:find(": A+ %u+$") then found[#found + 1] = line end
    end
    for _, failure in ipairs { ... } do
      assert.truthy(text:find(failure .. "\n", 1, true), text)
    end
    table.sort(found)
    return found
  end

  -- A spec with a dnsmasq on the server.
  local function asks(name, test)
    it(name, function()
      peers.need(pending, "dnsmasq")
      helper.run(function()
        dnsmasq = peers.start(server, DNSMASQ)
        dnsmasq:line("started")
        test()
        dnsmasq:stop()
      end, 60)
    end)
  end

  asks("has the addresses of dnsmasq, over IPv4 and IPv6", function()
    for _, address in ipairs { "10.0.0.1", "10.0.0.9:53", "fd00::1", "[fd00::9]:53" } do
      assert.same({ "192.0.2.7", "2001:db8::7" }, ask("www.test " .. address))
    end
    assert.same({ "192.0.2.7", "2001:db8::7" }, ask("alias.test 10.0.0.1"))
    assert.same({ "192.0.2.4" }, ask("four.test 10.0.0.1"))
    assert.same({ "not found" }, ask("nope.test 10.0.0.1", 1))
  end)

  asks("goes on to the next server", function()
    -- nobody at the port; a host that is silent; one that refuses; dnsmasq
    server:run("nft add table ip t; nft add chain ip t c '{ type filter hook input priority 0; }'"
      .. "; nft add rule ip t c udp dport 55 drop")
    local refuses = peers.example(server, "dns_server.lua", "56")
    refuses:line("^listening")
    assert.same({ "192.0.2.7", "2001:db8::7" },
      ask("www.test 10.0.0.1:54 10.0.0.1:55 10.0.0.1:56 10.0.0.1", 0,
        "10.0.0.1:54: A ECONNREFUSED", "10.0.0.1:54: AAAA ECONNREFUSED",
        "10.0.0.1:55: A ETIMEDOUT", "10.0.0.1:55: AAAA ETIMEDOUT",
        "10.0.0.1:56: A REFUSED", "10.0.0.1:56: AAAA REFUSED"))
    assert.same({ "192.0.2.1", "192.0.2.2", "2001:db8::1" }, ask("www.example.test 10.0.0.1:56"))
    refuses:stop()
  end)

  asks("asks again when a question is lost", function()
    server:run("nft add table ip t; nft add chain ip t c '{ type filter hook input priority 0; }'"
      .. "; nft add rule ip t c udp dport 53 numgen inc mod 3 == 0 drop")
    assert.same({ "192.0.2.7", "2001:db8::7" },
      ask("www.test 10.0.0.1 10.0.0.1", 0, "10.0.0.1: A ETIMEDOUT"))
  end)
end)
