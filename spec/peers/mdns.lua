-- examples/mdns_publish.lua and examples/mdns_browse.lua on two links, with avahi on each.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"
local uv = require "luv"

package.path = "examples/?.lua;" .. package.path
local dns = require "dns"

local GROUP, PORT = "224.0.0.251", 5353

describe("mDNS", function()
  local network, server, links, avahis, gone

  before_each(function()
    avahis, gone, links = {}, {}, {}
    network, server, links[1], links[2] = peers.links()
  end)

  after_each(function() network:close() end)

  -- Starts avahi on each link.
  local function start_avahi()
    for i, host in ipairs(links) do
      local bus = helper.path()
      assert(uv.fs_mkdir(bus, 448))
      avahis[i] = { host = host, bus = bus,
        daemon = peers.start(host, ("spec/peers/avahi peer%d %s"):format(i, bus)) }
    end
    for _, avahi in ipairs(avahis) do avahi.daemon:line("Server startup complete") end
  end

  -- Starts a client of avahi on a link.
  local function avahi_client(i, command)
    return peers.start(links[i], ("env DBUS_SYSTEM_BUS_ADDRESS=unix:path=%s/bus %s")
      :format(avahis[i].bus, command))
  end

  -- A spec with avahi.
  local function with_avahi(name, test)
    it(name, function()
      peers.need(pending, "dbus-daemon", "avahi-daemon", "avahi-browse", "avahi-publish")
      helper.run(function()
        start_avahi()
        test()
        for _, avahi in ipairs(avahis) do
          avahi.daemon:stop()
          os.remove(avahi.bus .. "/bus")
        end
      end, 90)
    end)
  end

  -- Starts the publisher; waits until it has a name, which it returns.
  local function publish()
    local program = peers.example(server, "mdns_publish.lua", "My web 2.0", "_http._tcp",
      "8080", "path=/", "a=b")
    return program, program:line("^published (.*)$")
  end

  with_avahi("shows avahi a service with the addresses of its link; it comes and goes", function()
    local program, name = publish()
    assert.equal("My web 2\\.0._http._tcp.local", name)
    local browsers = {}
    for i = 1, 2 do browsers[i] = avahi_client(i, "avahi-browse -rp _http._tcp") end
    for i, browser in ipairs(browsers) do
      local address, rest = browser:line("^=;eth0;IPv4;My\\032web\\0322\\%.0;Web Site;local;"
        .. "[^;]+%.local;([^;]+);(.*)$")
      assert.equal(("10.0.%d.1"):format(i), address)
      assert.truthy(rest:find('^8080;"') and rest:find('"path=/"', 1, true)
        and rest:find('"a=b"', 1, true), rest)
    end
    assert.equal(0, program:stop("sigint"))
    for _, browser in ipairs(browsers) do
      browser:line("^%-;eth0;IPv4;My\\032web\\0322\\%.0;")
      browser:stop()
    end
  end)

  with_avahi("is among all types, and resolves a host", function()
    local program = publish()
    local browser = avahi_client(1, "avahi-browse -ap")
    browser:line("^%+;eth0;IPv%d;My\\032web")
    browser:stop()
    local host = uv.os_gethostname():match("^[^.]+") .. ".local"
    local resolver = avahi_client(2, "avahi-resolve -4 -n " .. host)
    assert.equal(host .. "\t10.0.2.1", resolver:line())
    resolver:wait()
    program:stop("sigint")
  end)

  with_avahi("takes another name than avahi's", function()
    local first = avahi_client(1, 'avahi-publish -s "My web 2.0" _http._tcp 80')
    first:line("Established under name 'My web 2%.0'")
    local program, name = publish()
    assert.equal("My web 2\\.0 (2)._http._tcp.local", name)
    first:stop()
    program:stop("sigint")
  end)

  with_avahi("shows what avahi publishes on each link, as it comes and goes", function()
    local early = avahi_client(1, 'avahi-publish -s "One. Early" _http._tcp 80 a=b')
    early:line("Established")
    local program = peers.example(server, "mdns_browse.lua", "_http._tcp")
    program:line("^looking for _http._tcp.local$")
    assert.equal("peer1.local 80", program:line("^%+ eth0 One\\%. Early%._http%._tcp%.local"
      .. " (peer1%.local %d+) .* a=b$"))
    local late = avahi_client(2, "avahi-publish -s Late _http._tcp 81")
    program:line("^%+ eth1 Late%._http%._tcp%.local peer2%.local 81 ")
    early:stop()
    program:line("^%- eth0 One\\%. Early%._http%._tcp%.local$")
    late:stop()
    program:line("^%- eth1 Late%._http%._tcp%.local$")
    assert.equal(0, program:stop("sigint"))
  end)

  it("is asked and told without avahi, and by dig", function()
    peers.need(pending, "dig")
    helper.run(function()
      local browsers = {}
      for i, host in ipairs(links) do
        browsers[i] = peers.example(host, "mdns_browse.lua", "_http._tcp")
        browsers[i]:line("^looking")
      end
      local program, name = publish()
      for i, browser in ipairs(browsers) do
        assert.truthy(browser:line("^%+ (eth0 My web.*)$"):find("10.0." .. i .. ".1", 1, true))
      end
      for i, host in ipairs(links) do
        local text = peers.output(host, ("dig +tries=1 +time=5 +noedns -p %d @10.0.%d.1 %s PTR")
          :format(PORT, i, "_http._tcp.local"))
        assert.truthy(text:find("My\\032web\\0322\\.0._http._tcp.local.", 1, true), text)
        assert.truthy(text:find("\tA\t10.0." .. i .. ".1", 1, true), text)
        gone[i] = "- eth0 " .. name
      end
      program:stop("sigint")
      for i, browser in ipairs(browsers) do
        assert.equal(gone[i], browser:line())
        assert.equal(0, browser:stop("sigint"))
      end
    end, 60)
  end)

  it("goes by IPv4 alone where there is no IPv6", function()
    helper.run(function()
      for _, host in ipairs { server, links[1] } do
        host:sysctl("ipv6.conf.all.disable_ipv6", "1")
      end
      local browser = peers.example(links[1], "mdns_browse.lua", "_http._tcp")
      browser:line("^looking")
      local program, name = publish()
      assert.equal(name, browser:line("^%+ eth0 (My web.*local) %S+ 8080 10%.0%.1%.1 "))
      assert.equal(0, program:stop("sigint"))
      assert.equal("- eth0 " .. name, browser:line())
      assert.equal(0, browser:stop("sigint"))
    end, 60)
  end)

  it("says so where there is no network", function()
    helper.run(function()
      server:run("ip link set eth0 down; ip link set eth1 down")
      local program = peers.start(server, peers.command("mdns_browse.lua"))
      assert.truthy(program:line():find("addMembership ENODEV", 1, true))
      assert.equal(1, program:wait())
    end, 60)
  end)

  it("stands what is no DNS, and services without end", function()
    helper.run(function()
      local program, browser = publish(), peers.example(server, "mdns_browse.lua", "_http._tcp")
      browser:line("^looking")
      local socket = links[1]:socket("udp4", { port = PORT })
      local heard = helper.listen(socket)
      links[1]:call(socket.setMulticastInterface, socket, "eth0")
      math.randomseed(7)
      for i = 1, 500 do
        local noise = {}
        for j = 1, math.random(80) do noise[j] = string.char(math.random(0, 255)) end
        socket:send("\0\1" .. (i % 2 == 0 and "\132\0" or "\0\0") .. "\0\1\0\1\0\0\0\1"
          .. table.concat(noise), PORT, GROUP)
        socket:send(dns.encode { response = true, answers = { { name = "_http._tcp.local",
          type = "PTR", ttl = 100, target = i .. "._http._tcp.local" } } }, PORT, GROUP)
      end
      local query = dns.encode { questions = { { name = "_http._tcp.local", type = "PTR",
        class = 32769 } } } -- for me alone
      local found = false
      socket:on("message", function(msg)
        local message = dns.decode(msg)
        for _, record in ipairs(message and message.response and message.answers or {}) do
          found = found or record.target == "My web 2\\.0._http._tcp.local"
        end
      end)
      for _ = 1, 50 do -- what comes behind a flood may be lost
        if found then break end
        socket:send(query, PORT, GROUP)
        helper.pass(200)
      end
      assert.is_true(found)
      assert.is_true(#heard > 0)
      assert.equal(0, browser:stop("sigint"))
      assert.equal(0, program:stop("sigint"))
      socket:close()
    end, 60)
  end)
end)
