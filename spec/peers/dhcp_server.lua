-- examples/dhcp_server.lua gives addresses to udhcpc on two links, each of its own.
local helper = require "spec.support.helper"
local Network = require "spec.net.network"
local peers = require "spec.support.peers"

local COOKIE = "\99\130\83\99"

describe("dhcp_server.lua", function()
  local network, server, one, two, program

  -- Starts the server for these links.
  local function serve(...)
    program = peers.example(server, "dhcp_server.lua", "67", ...)
    program:line("^listening on port 67$")
  end

  -- The server is at two links, whose clients have no addresses yet.
  before_each(function()
    network, server, one, two = peers.links()
    for _, host in ipairs { one, two } do host:run("ip -4 addr flush dev eth0") end
    serve("eth0=10.0.1.1", "eth1=10.0.2.1")
  end)
  after_each(function() network:close() end)

  -- Starts udhcpc; what it is given is printed, and set.
  local function udhcpc(host, more)
    peers.need(pending, "udhcpc")
    local script = helper.write('#!/bin/sh\n[ "$1" = bound ] || exit 0\n'
      .. 'ip addr add "$ip/$mask" dev "$interface"\n'
      .. 'echo "bound $ip/$mask by $serverid router $router for $lease"\n')
    host:run("chmod +x " .. script)
    return peers.start(host, ("udhcpc -i eth0 -f -n -t 5 -T 1 -s %s %s")
      :format(script, more or "-q"))
  end

  -- A socket on a client's host where a server's answers come, and what it heard.
  local function client(host)
    local socket = host:socket({ type = "udp4", interface = "eth0" }, { port = 68 })
    socket.heard = {}
    socket:on("message", function(msg, rinfo)
      table.insert(socket.heard, msg)
      socket.server = rinfo.address
    end)
    socket:setBroadcast(true)
    return socket
  end

  -- A message of a client with these options.
  local function message(options, mac, xid)
    return "\1\1\6\0" .. (xid or "xid!") .. ("\0"):rep(20) .. (mac or "\2\0\0\0\0\9")
      .. ("\0"):rep(10 + 192) .. COOKIE .. options
  end

  local function send(socket, ...)
    socket:sendMany({ ... }, 67, "255.255.255.255")
  end

  -- Waits for the next answer; returns the kind, and the address it gives.
  local function answer(socket)
    Network.wait(function() return #socket.heard > 0 end)
    local msg = table.remove(socket.heard, 1)
    assert.is_true(#msg >= 300)
    assert.equal("\2\1\6\0xid!", msg:sub(1, 8))
    return msg:match(COOKIE .. "\53\1(.)"):byte(), ("%d.%d.%d.%d"):format(msg:byte(17, 20))
  end

  local function finish(...)
    helper.close(...)
    assert.equal(0, program:stop("sigint"))
  end

  it("gives each link's udhcpc an address of that link", function()
    helper.run(function()
      for host, net in pairs { [one] = "10.0.1.", [two] = "10.0.2." } do
        local child = udhcpc(host)
        local address, rest = child:line("^bound (%S+) (.*)$")
        assert.equal(net .. "100/24", address)
        assert.equal(("by %s1 router %s1 for 600"):format(net, net), rest)
        assert.equal(0, child:wait())
        local link = host == one and "eth0" or "eth1"
        assert.equal(("%s: OFFER %s100"):format(link, net), (program:line()))
        assert.equal(("%s: ACK %s100"):format(link, net), (program:line()))
      end
      assert.equal(0, program:stop("sigint"))
    end, 60)
  end)

  it("answers on the link that asked, and there only", function()
    helper.run(function()
      local a, b = client(one), client(two)
      send(a, message("\53\1\1\255"))
      assert.same({ 2, "10.0.1.100" }, { answer(a) })
      send(b, message("\53\1\1\255"))
      assert.same({ 2, "10.0.2.100" }, { answer(b) })
      assert.same({}, a.heard)
      finish(a, b)
    end, 60)
  end)

  it("answers there also if links have the same network, from the address it is told", function()
    helper.run(function()
      program:stop("sigint")
      server:run("ip addr flush dev eth1")
      server:address("eth1", "10.0.1.2/24", "10.0.1.1/24")
      serve("eth0=10.0.1.1", "eth1=10.0.1.1")
      local a, b = client(one), client(two)
      for _, each in ipairs { b, a } do
        send(each, message("\53\1\1\255"))
        assert.same({ 2, "10.0.1.100" }, { answer(each) })
        assert.equal("10.0.1.1", each.server)
      end
      assert.same({}, b.heard)
      finish(a, b)
    end, 60)
  end)

  it("renews and takes back what udhcpc has", function()
    helper.run(function()
      local child = udhcpc(one, "-R")
      child:line("^bound 10%.0%.1%.100")
      program:line("^eth0: ACK")
      child.process:kill("sigusr1")
      program:line("^eth0: ACK 10%.0%.1%.100")
      child:stop()
      local a = client(one)
      send(a, message("\53\1\1\255"))
      assert.same({ 2, "10.0.1.100" }, { answer(a) })
      finish(a)
    end, 60)
  end)

  it("refuses what is not its own, is silent to those who chose another server", function()
    helper.run(function()
      local a = client(one)
      send(a, message("\53\1\3\50\4\10\8\0\100\255"))
      assert.same({ 6, "0.0.0.0" }, { answer(a) })
      send(a, message("\53\1\3\50\4\10\0\1\1\255"), message("\53\1\3\255"))
      assert.same({ 6, "0.0.0.0" }, { answer(a) })
      assert.same({ 6, "0.0.0.0" }, { answer(a) })
      send(a, message("\53\1\3\54\4\10\0\1\2\50\4\10\0\1\100\255"),
        message("\53\1\3\54\4\10\0\1\1\50\4\10\0\1\150\255"))
      assert.same({ 5, "10.0.1.150" }, { answer(a) })
      send(a, message("\53\1\3\50\4\10\0\1\150\255", "\2\0\0\0\0\8"))
      assert.same({ 6, "0.0.0.0" }, { answer(a) })
      finish(a)
    end, 60)
  end)

  it("gives a hundred addresses, one that is declined to nobody, and no more", function()
    helper.run(function()
      local a = client(one)
      send(a, message("\53\1\1\255"))
      answer(a)
      send(a, message("\53\1\4\50\4\10\0\1\100\255"))
      for i = 101, 199 do
        send(a, message("\53\1\1\255", "\2\0\0\0\1" .. string.char(i)))
        assert.same({ 2, "10.0.1." .. i }, { answer(a) })
      end
      send(a, message("\53\1\1\255", "\2\0\0\0\2\2"))
      program:line("^eth0: no address is left$")
      send(a, message("\53\1\1\255", "\2\0\0\0\1\150"))
      assert.same({ 2, "10.0.1.150" }, { answer(a) })
      finish(a)
    end, 60)
  end)

  it("survives every truncation, and options that lie", function()
    helper.run(function()
      local a, asked = client(one), 0

      -- Sends what is odd; what is sound is answered behind it.
      local function survives(...)
        asked = asked + 1
        local xid = ("%04d"):format(asked)
        send(a, ...)
        send(a, message("\53\1\1\255", "\2\0\0\0\0\7", xid))
        Network.wait(function()
          local last = a.heard[#a.heard]
          return last and last:sub(5, 8) == xid
        end)
      end

      local whole = message("\53\1\3\61\7\1\2\0\0\0\0\9\54\4\10\0\1\1\50\4\10\0\1\120\12\3abc\255")
      for length = 0, #whole - 1 do
        local odd = { whole:sub(1, length) }
        for _, byte in ipairs { "\0", "\1", "\5", "\255" } do
          odd[#odd + 1] = whole:sub(1, length) .. byte .. whole:sub(length + 2)
        end
        survives(table.unpack(odd))
      end
      -- None of these is answered.
      local count = #a.heard
      for i, options in ipairs { "", "\53", "\53\255", "\53\0\255", "\53\2\1\1", "\53\1\0",
        "\53\1\9", "\53\1\255", "\53\1\1\53\1\1", "\53\1\3\50\3\10\0\1", "\53\1\3\50\0",
        "\53\1\3\50\5\10\0\1\120\1", "\53\1\3\54\0", "\53\1\4", "\53\1\4\50\4\0\0\0\0",
        "\53\1\7", "\53\1\1\12", "\53\1\1\12\9abc", "\53\1\1\12\255abc\255",
        ("\0"):rep(1000), ("\53\1\1"):rep(300) } do
        survives(message(options))
        assert.equal(count + i, #a.heard, ("%q"):format(options))
      end
      survives(message("\53\1\1\61\0"), message("\53\1\1"),
        message("\53\1\1" .. ("\12\255" .. ("x"):rep(255)):rep(5)))
      finish(a)
    end, 60)
  end)
end)
