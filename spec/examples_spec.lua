-- Each example runs as a process of its own and exchanges real datagrams.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local traffic = require "spec.support.traffic"
local uv = require "luv"

package.path = "examples/?.lua;" .. package.path
local dns = require "dns"

local loopback = "127.0.0.1"
-- A group of this process: a host gives a group's datagrams to every socket on
-- the port as soon as one process is a member.
local pid = math.floor(uv.os_getpid())
local group = ("230.255.%d.%d"):format(math.floor(pid / 256) % 256, pid % 256)

local tested = {}

-- A spec about one example: `test` gets a function that starts it.
local function example(name, test)
  local file = name .. ".lua"
  tested[file] = true
  it(file, function()
    helper.run(function()
      test(function(...) return Child.lua("examples/" .. file, ...) end)
    end, 20)
  end)
end

-- A UDP peer, made of luv alone, that remembers what it receives.
local function peer(address)
  local udp, inbox = uv.new_udp(), {}
  udp:bind(address or loopback, 0, { reuseaddr = true })
  udp:recv_start(function(_, msg, from)
    if msg then inbox[#inbox + 1] = { msg = msg, from = from } end
  end)
  local self = { port = udp:getsockname().port, udp = udp }
  function self.send(msg, port, to)
    udp:send(msg, to or loopback, tonumber(port))
  end
  function self.receive()
    helper.wait(function() return inbox[1] end)
    local datagram = table.remove(inbox, 1)
    return datagram.msg, datagram.from
  end
  function self.close() udp:close() end
  return self
end

-- A program that listens, prints the first message and ends by itself.
local function listens_once(start)
  local socket, client = start("0"), peer()
  client.send("hi", socket:line("^Listening for packets on port (%d+)$"))
  assert.equal("got: hi", socket:line())
  assert.equal(0, socket:wait())
  client.close()
end

describe("example", function()
  example("udp_server", function(start)
    local server, client = start("0"), peer()
    local port = server:line("^server listening at (%d+)$")
    client.send("one", port)
    client.send("two", port)
    assert.equal("server got: one", server:line())
    assert.equal("server got: two", server:line())

    local second = start(port)
    assert.equal("Error: bind EADDRINUSE 0.0.0.0:" .. port, second:line())
    assert.equal(0, second:wait())
    assert.equal(143, server:stop())
    client.close()
  end)

  example("udp_bind", function(start)
    local server, client = start("0", loopback), peer()
    local port = server:line("^server listening 127%.0%.0%.1:(%d+)$")
    client.send("hello", port)
    assert.equal("server got: hello from 127.0.0.1:" .. client.port, server:line())
    server:stop()
    client.close()
  end)

  example("udp_address", function(start)
    local server = start("0")
    assert.is_true(tonumber(server:line("^Addr: 0%.0%.0%.0 port: (%d+)$")) > 0)
    assert.equal(0, server:wait())
  end)

  example("bind_port", function(start)
    listens_once(start)
    local first = start("0")
    local port = first:line("(%d+)$")
    local second = start(port)
    assert.equal(port, second:line("^Listening for packets on port (%d+)$"))
    second:stop()
    first:stop()
  end)

  example("bind_options", function(start)
    listens_once(start)
    local named = start("0", "127.0.0.2")
    local port, client = named:line("(%d+)$"), peer()
    client.send("hi", port, "127.0.0.2")
    assert.equal("got: hi", named:line())
    assert.equal(0, named:wait())
    client.close()
  end)

  example("close", function(start)
    local socket = start()
    assert.equal("Socket is closed", socket:line())
    assert.equal(0, socket:wait())
  end)

  example("send_and_close", function(start)
    local server = peer()
    local client = start(tostring(server.port))
    assert.equal("Some bytes", (server.receive()))
    assert.equal(0, client:wait())
    server.close()
  end)

  example("ttl", function(start)
    if not host.has("socat") then pending("socat is not installed") end
    local held = peer()
    local receiver = Child.start("sh", "-c", [[exec socat -d -d -u \
      UDP4-RECVFROM:$0,reuseaddr,ip-recvttl SYSTEM:'echo "TTL $SOCAT_IP_TTL"' \
      2>&1]], tostring(held.port))
    receiver:line("receiving on")
    held.close()
    local sender = start(tostring(held.port), loopback, "7")
    assert.equal("TTL 7", sender:line())
    assert.equal("sent 5 bytes", sender:line())
    assert.equal("7", receiver:line("^TTL (%d+)$"))
    assert.equal(0, sender:wait())
    receiver:wait()
  end)

  example("broadcast_sender", function(start)
    local everybody = peer("0.0.0.0")
    local sender = start(tostring(everybody.port), "127.255.255.255")
    assert.equal("sent 15 bytes to 127.255.255.255", sender:line())
    assert.equal("Hello everybody", (everybody.receive()))
    assert.equal(0, sender:wait())
    everybody.close()
  end)

  example("multicast_server", function(start)
    local server, sender = start("0", group, loopback), peer()
    local port = server:line("^joined " .. group .. " on port (%d+)$")
    sender.send("to members", port, group)
    assert.equal("server got: to members from 127.0.0.1", server:line())
    assert.equal("left " .. group, server:line())
    sender.send("to members", port, group)
    sender.send("to you", port)
    assert.equal("server got: to you from 127.0.0.1", server:line())
    server:stop()
    sender.close()
  end)

  example("multicast_sender", function(start)
    local member = peer("0.0.0.0")
    member.udp:set_membership(group, loopback, "join")
    local sender = start(tostring(member.port), group, loopback)
    assert.equal("multicast TTL 1", sender:line())
    assert.equal("multicast loopback true", sender:line())
    assert.equal("sent 11 bytes", sender:line())
    assert.equal("Hello group", (member.receive()))
    assert.equal(0, sender:wait())
    member.close()
  end)

  example("unix_echo_server", function(start)
    local path, own, got = helper.path(), helper.path(), nil
    local server, client = start(path), dgram.createSocket("unix_dgram")
    assert.equal("server listening " .. path, server:line())
    local stranger = dgram.createSocket("unix_dgram") -- who has no name
    stranger:send("who?", path)
    assert.equal("got: who? from ", server:line())
    stranger:close()
    client:on("message", function(...) got = { ... } end)
    client:bind(own, function() client:send("hello", path) end)
    assert.equal("got: hello from " .. own, server:line())
    helper.wait(function() return got end)
    assert.equal("hello", got[1])
    assert.same({ address = path, family = "unix", size = 5 }, got[2])
    client:close()
    server:stop()
  end)

  example("unix_echo_client", function(start)
    local path, own = helper.path(), helper.path()
    local server = Child.lua("examples/unix_echo_server.lua", path)
    server:line("listening")
    local client = start(path, own)
    assert.equal("client listening " .. own, client:line())
    local message, from = client:line("^got: (A message at .+) from (%S+)$")
    assert.equal(path, from)
    assert.equal("got: " .. message .. " from " .. own, server:line())
    assert.equal(0, client:wait())
    assert.is_nil(uv.fs_stat(own))
    server:stop()
  end)

  example("sd_notify", function(start)
    if not host.has("systemd-notify") then pending("systemd-notify is not installed") end
    local path = helper.path()
    local server = start(path)
    server:line("^listening")
    local client = Child.start("sh", "-c",
      'NOTIFY_SOCKET="$0" exec systemd-notify --ready --status=up', path)
    -- root speaks for its parent, anybody else for himself
    local who, text = server:line("^pid (%d+) of user %d+: (.*)$")
    assert.is_true(tonumber(who) == uv.os_getpid()
      or tonumber(who) == client.process:get_pid(), who)
    assert.equal("READY=1", text)
    assert.equal("STATUS=up", server:line("^pid " .. who .. " of user %d+: (.*)$"))
    assert.equal(0, client:wait())
    server:stop()
  end)

  example("syslog_client", function(start)
    local path, got = helper.path(), nil
    local log = dgram.createSocket("unix_dgram", function(...) got = { ... } end)
    log:bindSync { path = path }
    local client = start(path)
    assert.equal("Wrote 17 bytes to socket.", client:line())
    assert.equal(0, client:wait())
    helper.wait(function() return got end)
    assert.equal("A message to log.", got[1])
    assert.equal("", got[2].address)
    helper.closed(log)

    local alone = start(path)
    assert.equal("No log to write to: send ENOENT " .. path, alone:line())
    assert.equal(1, alone:wait())
  end)

  example("demo", function(start)
    if not (host.has("socat") and host.has("logger")) then
      pending("socat or logger is not installed")
    end
    local demo = start()
    demo:line("^everything works$")
    assert.equal(0, demo:wait())
  end)
end)

describe("Ctrl-C ends", function()
  -- A spec about an example: one SIGINT when it listens, and it closes its socket;
  -- what is at its last argument then, if that is a path, is gone.
  local function ends(name, arguments, listening)
    it(name .. ".lua, once", function()
      helper.run(function()
        local given = arguments()
        local child = Child.lua("examples/" .. name .. ".lua", table.unpack(given))
        child:line(listening)
        assert.equal(0, child:stop("sigint"))
        assert.is_nil(uv.fs_stat(given[#given]))
      end)
    end)
  end

  local function port() return { "0" } end
  local function path() return { helper.path() } end

  ends("udp_server", port, "^server listening")
  ends("udp_bind", port, "^server listening")
  ends("bind_port", port, "^Listening")
  ends("dns_server", port, "^listening")
  ends("bind_options", port, "^Listening")
  ends("workers", port, "^listening")
  ends("multicast_server", function() return { "0", group, loopback } end, "^joined")
  ends("unix_echo_server", path, "^server listening")
  ends("sd_notify", path, "^listening")
  ends("unix_echo_client", function()
    local server, _, at = traffic.receiver("unix_dgram") -- which does not answer
    server:on("message", function() server:close() end)
    return { at.address, helper.path() }
  end, "^client listening")
end)

describe("An example says what it cannot do, and ends:", function()
  -- A spec about an example given these arguments: it prints the text, with this status.
  local function says(text, status, name, ...)
    local arguments = { ... }
    it(name .. ".lua " .. table.concat(arguments, " "), function()
      helper.run(function()
        local child = Child.start("sh", "-c", 'exec 2>&1 "$0" "$@"', uv.exepath(),
          "examples/" .. name .. ".lua", table.unpack(arguments))
        local got, output = child:outcome()
        assert.truthy(output:find(text, 1, true), output)
        assert.equal(status, got)
      end)
    end)
  end

  -- The program lua5.1 prints no error that is a table.
  local plain = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
  local thrown = plain and "error object is not a string" or "Received type string ('x')"
  for _, name in ipairs { "udp_server", "udp_bind", "udp_address", "bind_port",
    "bind_options", "multicast_server", "send_and_close", "coap_server", "dns_server",
    "game_state", "sntp_server", "statsd_server", "syslog_collector", "workers" } do
    says(thrown, 1, name, "x")
  end
  says("usage: dhcp_server.lua PORT INTERFACE=ADDRESS...", 1, "dhcp_server", "67", "lo")
  says("lo has no address 10.0.0.1", 1, "dhcp_server", "67", "lo=10.0.0.1")
  says("usage: mdns_publish.lua NAME TYPE PORT [TEXT...]", 1, "mdns_publish", "a", "_b._tcp")
  says("usage: ping_pong.lua [ROUNDS]", 1, "ping_pong", "x")
  says("usage: resolver.lua NAME SERVER[:PORT]...", 1, "resolver", "a.test")
  says("a stratum is 1 to 15", 1, "sntp_server", "0", "127.0.0.1", "16")
  says("usage: ssdp_search.lua [TARGET [SECONDS [PORT]]]", 1, "ssdp_search", "a", "x")
  says("usage: statsd_client.lua [HOST:]PORT|PATH METRIC...", 1, "statsd_client", "8125")
  says("usage: statsd_server.lua [PORT [PATH [SECONDS]]]", 1, "statsd_server", "0", "/x", "0")
  says("usage: tftp_server.lua directory [port [address]]", 1, "tftp_server")
  says("/dev/null is no directory", 1, "tftp_server", "/dev/null")
  says("usage: udp_balancer.lua PORT ADDRESS:PORT...", 1, "udp_balancer", "0")
  says("usage: udp_balancer.lua PORT ADDRESS:PORT...", 1, "udp_balancer", "0", "x=1")
  says("x is no ADDRESS:PORT", 1, "udp_balancer", "0", "x")
  says("no answer: send ENOENT /none", 0, "unix_echo_client", "/none", helper.path())
  says("usage: workers.lua [PORT [WORKERS [JOBS]]]", 1, "workers", "0", "x")
end)

describe("example in straight lines", function()
  -- A name server that answers each question with these fields, by its type, as often as
  -- it is asked: a busy machine is late. A forged answer comes before.
  local function name_server(answers)
    local server = helper.bound("udp4")
    server:on("message", function(msg, rinfo)
      local query = dns.decode(msg)
      local question = query.questions[1]
      assert.same({ name = "www.example.org", type = question.type, class = 1 }, question)
      local function reply(id, fields)
        fields.response, fields.id, fields.questions = true, id, query.questions
        server:reply(dns.encode(fields), rinfo)
      end
      reply((query.id + 1) % 65536, { answers = { { name = "www.example.org", type = "A",
        address = "127.0.0.66" } } })
      reply(query.id, answers[question.type])
    end)
    return server, server:address().port
  end

  -- The resolver's exit status, and what it prints, errors too.
  local function resolver(...)
    return Child.start("sh", "-c", 'exec 2>&1 "$0" "$@"', uv.exepath(),
      "examples/resolver.lua", "www.example.org", ...)
  end

  example("resolver", function()
    local silent, closed, servers = peer(), traffic.closed_port(), {}
    local useless, useless_port = name_server {
      A = { rcode = "SERVFAIL" }, AAAA = { rcode = "SERVFAIL" } }
    local good, good_port = name_server { AAAA = {}, A = { answers = {
      { name = "WWW.example.org", type = "CNAME", target = "host.example" },
      { name = "www.example.org", type = "TXT", texts = { "alias" } },
      { name = "host.example", type = "A", address = "127.0.0.9" },
    } } }
    for i, port in ipairs { closed, silent.port, useless_port, good_port } do
      servers[i] = loopback .. ":" .. math.floor(port)
    end
    local status, text = resolver(table.unpack(servers)):outcome()
    for i, why in ipairs { "ECONNREFUSED", "ETIMEDOUT", "SERVFAIL" } do
      for _, kind in ipairs { "A", "AAAA" } do
        local line = ("%s: %s %s\n"):format(servers[i], kind, why)
        assert.truthy(text:find(line, 1, true), text)
      end
    end
    assert.truthy(text:find("\n127.0.0.9\n", 1, true), text) -- anywhere: both ask at once
    assert.equal(0, status)

    status, text = resolver(servers[1]):outcome()
    assert.equal(1, status)
    assert.equal(4, select(2, text:gsub("ECONNREFUSED", "")))
    assert.truthy(text:find("not found\n", 1, true))
    helper.close(silent, useless, good)
  end)

  example("ping_pong", function(start)
    local child = start("4")
    for _, line in ipairs { "pong 1", "ping 2", "pong 3", "ping 4" } do
      assert.equal(line, child:line())
    end
    assert.equal(0, child:wait())
  end)

  example("workers", function(start)
    local child, client = start("0", "2", "3"), peer()
    local port = child:line("^listening on port (%d+)$")
    client.send("sleep 100", port)
    client.send("a", port)
    assert.truthy(client.receive():find("^worker %d: a$"))
    client.send("b", port)
    assert.truthy(client.receive():find("^worker %d: b$"))
    assert.truthy(client.receive():find("^worker %d: sleep 100$"))
    assert.equal(0, child:wait())
    client.close()
  end)

  it("workers.lua, interrupted at work", function()
    helper.run(function()
      local child, client = Child.lua("examples/workers.lua", "0", "2"), peer()
      local port = child:line("^listening on port (%d+)$")
      client.send("sleep 500", port)
      client.send("a", port)
      client.receive()
      assert.equal(0, child:stop("sigint"))
      client.close()
    end)
  end)
end)

describe("examples/", function()
  local readme = helper.read("examples/README.md")

  local in_peers = {}
  for path in pairs(host.files_in("spec/peers")) do
    in_peers[path:match("[^/]+$")] = true
    for file in helper.read(path):gmatch('"([%w_]+%.lua)"') do in_peers[file] = true end
  end

  -- Whether a program has a spec here or in spec/peers, or a module one of its own.
  local function has_spec(file)
    return tested[file] or in_peers[file]
      or uv.fs_stat("spec/" .. file:gsub("%.lua$", "_spec.lua"))
  end

  it("has a spec and a line in its README for each program", function()
    local dir = assert(uv.fs_scandir("examples"))
    for name in uv.fs_scandir_next, dir do
      if name:match("%.lua$") then
        assert.truthy(has_spec(name), name .. " has no spec")
        assert.truthy(readme:find("(" .. name .. ")", 1, true), name .. " is not listed")
      end
    end
  end)
end)

describe("README.md", function()
  it("has an echo server by line 15 that can be pasted", function()
    helper.run(function()
      local text = helper.read("README.md")
      local before, code = text:match("^(.-)```lua\n(.-)```")
      local _, lines = (before .. "\n" .. code .. "\n"):gsub("\n", "")
      assert.is_true(lines <= 15, "it ends in line " .. lines)

      local path = helper.write((code:gsub("bind%(41234%)",
        "bind(0, function() print(server:address().port) end)")))
      local server, client = Child.lua(path), peer()
      client.send("hello", server:line())
      assert.equal("hello", (client.receive()))
      server:stop()
      client.close()
    end)
  end)
end)
