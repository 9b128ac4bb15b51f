-- examples/dns_server.lua answers dig, and many questions of dnsperf.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"

local PORT = 53

describe("dns_server.lua", function()
  local network, server, client, program

  before_each(function()
    network, server, client = peers.pair()
    program = peers.example(server, "dns_server.lua", PORT)
    program:line("^listening on port 53$")
  end)

  after_each(function()
    if not program.status then program:stop() end
    network:close()
  end)

  -- What dig prints of a question; `program` is stopped when all is asked.
  local function dig(arguments, address)
    return peers.output(client, ("dig +tries=1 +time=5 +notcp @%s %s"):format(
      address or "10.0.0.1", arguments))
  end

  -- Expects these texts, each plain, in what dig prints.
  local function answers(arguments, ...)
    local text = dig(arguments)
    for _, wanted in ipairs { ... } do
      assert.truthy(text:find(wanted, 1, true), wanted .. " is not in: " .. text)
    end
    return text
  end

  -- A spec that asks.
  local function asks(name, test)
    it(name, function()
      peers.need(pending, "dig")
      helper.run(test, 60)
    end)
  end

  asks("has addresses and texts for dig", function()
    assert.equal("192.0.2.1\n192.0.2.2\n", dig("+short www.example.test A"))
    assert.equal("2001:db8::1\n", dig("+short wWw.eXample.test AAAA"))
    assert.equal('"a zone" "for examples"\n', dig("+short example.test TXT"))
    answers("wWw.eXample.test AAAA", "wWw.eXample.test.", "flags: qr aa rd;", "ANSWER: 1")
    answers("example.test ANY", "ANSWER: 3")
    program:stop()
  end)

  asks("answers from the address that was asked, over IPv4 and IPv6", function()
    for _, address in ipairs { "10.0.0.1", "10.0.0.9", "fd00::1", "fd00::9" } do
      local text = dig("www.example.test", address) -- dig takes no other
      assert.truthy(text:find("SERVER: " .. address .. "#53", 1, true), text)
      assert.is_nil(text:find("reply from unexpected source"))
    end
    program:stop()
  end)

  asks("tells what is not there, and for how long", function()
    local soa = "example.test.\t\t60\tIN\tSOA\tns.example.test. hostmaster.example.test. 1"
    answers("nope.example.test", "status: NXDOMAIN", "ANSWER: 0, AUTHORITY: 1", soa)
    answers("v6.example.test A", "status: NOERROR", "ANSWER: 0, AUTHORITY: 1", soa)
    answers("example.org", "status: REFUSED")
    answers("www.example.test CH TXT", "status: REFUSED")
    program:stop()
  end)

  asks("truncates what is larger than the client takes", function()
    local large, huge = "large.example.test TXT +ignore ", "huge.example.test TXT +ignore "
    answers(large .. "+noedns", "flags: qr aa tc rd;", "ANSWER: 0", "ADDITIONAL: 0")
    answers(large .. "+bufsize=512", "flags: qr aa tc rd;", "ANSWER: 0", "udp: 1232")
    answers(large .. "+bufsize=1232", "flags: qr aa rd;", "ANSWER: 10", "udp: 1232")
    answers(huge .. "+bufsize=1232", "flags: qr aa tc rd;", "ANSWER: 0")
    answers(huge .. "+bufsize=65535", "flags: qr aa tc rd;", "ANSWER: 0")
    program:stop()
  end)

  asks("knows versions of EDNS and operations that it lacks", function()
    answers("www.example.test +edns=1 +noednsneg", "status: BADVERS", "version: 0")
    answers("www.example.test +opcode=notify", "opcode: NOTIFY, status: NOTIMP")
    local text = answers("www.example.test +noedns", "status: NOERROR", "ADDITIONAL: 0")
    assert.is_nil(text:find("EDNS", 1, true))
    program:stop()
  end)

  asks("tells who sends what is no query, and no one twice", function()
    local socket = client:socket("udp4", { address = "10.0.0.2" })
    local heard = helper.listen(socket)
    local header = "\0\7%s\0\0\1\0\0\0\0\0\0"
    local hostile = { header:format("\1") .. "\192\12\0\1\0\1", -- a name that is a loop
      header:format("\1") .. "\3www", -- broken off
      "\0\7\1\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1" } -- two questions
    local silent = { "", "\0", ("\0"):rep(11), header:format("\129") .. "\0\0\1\0\1" }
    for _, list in ipairs { silent, hostile } do
      for _, datagram in ipairs(list) do socket:send(datagram, PORT, "10.0.0.1") end
    end
    helper.fill(heard, #hostile)
    for _, answer in ipairs(heard) do
      assert.equal("\0\7\129\1", answer:sub(1, 4)) -- an answer to 7: FORMERR
    end
    assert.truthy(dig("+short www.example.test"):find("192.0.2.1", 1, true))
    assert.equal(#hostile, #heard)
    socket:close()
    program:stop()
  end)

  it("answers all that dnsperf asks", function()
    peers.need(pending, "dnsperf")
    helper.run(function()
      local names = helper.write("www.example.test A\nwww.example.test AAAA\n"
        .. "example.test TXT\nlarge.example.test TXT\n")
      local asked = helper.write("nope.example.test A\n")
      for _, address in ipairs { "10.0.0.9", "fd00::9" } do
        local text = peers.output(client, ("dnsperf -s %s -p %d -d %s -n 1000 -q 50 -t 5 -l 20")
          :format(address, PORT, names), 30)
        assert.truthy(text:find("Queries completed: +4000 %(100.00%%%)"), text)
        assert.truthy(text:find("Response codes: +NOERROR 4000 %(100.00%%%)"), text)
        text = peers.output(client, ("dnsperf -e -s %s -p %d -d %s -n 1000 -t 5 -l 20")
          :format(address, PORT, asked), 30)
        assert.truthy(text:find("Response codes: +NXDOMAIN 1000 %(100.00%%%)"), text)
      end
      program:stop()
    end, 90)
  end)
end)

describe("dns_server.lua where the client is hostile", function()
  it("stands a thousand datagrams of noise", function()
    local network, server, client = peers.pair()
    helper.run(function()
      local program = peers.example(server, "dns_server.lua", PORT)
      program:line("^listening")
      math.randomseed(7)
      local socket = client:socket("udp4", { address = "10.0.0.2" })
      for _ = 1, 1000 do
        local noise = {}
        for i = 1, math.random(80) do noise[i] = string.char(math.random(0, 255)) end
        socket:send("\0\1\1\0\0\1\0\0\0\0" .. table.concat(noise), PORT, "10.0.0.1")
      end
      local answered = false
      socket:on("message", function(msg) answered = answered or msg:sub(1, 2) == "\0\2" end)
      socket:send("\0\2\1\0\0\1\0\0\0\0\0\0\3www\7example\4test\0\0\1\0\1",
        PORT, "10.0.0.1")
      helper.wait(function() return answered end)
      socket:close()
      program:stop()
    end, 30)
    network:close()
  end)
end)
