-- examples/tftp_server.lua with tftp and curl: files both ways, at each address of the
-- server; and what these clients never ask for.
package.path = "examples/?.lua;" .. package.path
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local peers = require "spec.support.peers"
local tftp = require "tftp"

local TEXT = "one\ntwo\r\nthree\rfour"
local BINARY = {}
for i = 1, 100000 do BINARY[i] = string.char(i * i % 251) end
BINARY = table.concat(BINARY)

local FILES = { empty = "", text = TEXT, even = BINARY:sub(1, 1024), odd = BINARY }

describe("tftp_server.lua", function()
  local network, server, client, folder, directory, own, program

  before_each(function()
    network, server, client = peers.pair()
    folder = host.output("mktemp -d"):gsub("\n", "")
    directory, own = folder .. "/served", folder .. "/own"
    assert(host.succeeds(("mkdir %s %s"):format(directory, own)))
    helper.write("secret", folder .. "/secret")
    for name, content in pairs(FILES) do helper.write(content, directory .. "/" .. name) end
  end)

  after_each(function()
    network:close()
    host.output("rm -r " .. folder)
  end)

  -- A spec with the server running on an address.
  local function serving(where, name, body)
    it(name, function()
      helper.run(function()
        program = peers.example(server, "tftp_server.lua", directory, "69", where)
        program:line("^listening")
        body()
        program:stop()
      end, 60)
    end)
  end

  -- Gives tftp a command; its directory is the client's own.
  local function run_tftp(address, mode, command)
    peers.output(client, ("sh -c 'cd %s && exec tftp %s -m %s %s 69 -c %s'"):format(own,
      address:find(":") and "-6" or "-4", mode, address, command))
  end

  -- What curl says of a file.
  local function curl(address, name, options, status)
    if address:find(":") then address = "[" .. address .. "]" end
    return peers.output(client, ("curl -sS -m 15 --path-as-is %s 'tftp://%s/%s'"):format(
      options or "", address, name), 20, status)
  end

  for where, addresses in pairs(peers.ADDRESSES) do
    serving(where, "on " .. where .. " hands files out to tftp", function()
      peers.need(pending, "tftp")
      for _, address in ipairs(addresses) do
        for name, content in pairs(FILES) do
          for _, mode in ipairs { "binary", "ascii" } do
            run_tftp(address, mode, "get " .. name)
            assert.is_true(content == helper.read(own .. "/" .. name), mode .. " " .. name)
            os.remove(own .. "/" .. name)
          end
        end
      end
    end)

    serving(where, "on " .. where .. " takes files from tftp, each once", function()
      peers.need(pending, "tftp")
      for i, address in ipairs(addresses) do
        for name, content in pairs(FILES) do
          for _, mode in ipairs { "binary", "ascii" } do
            local new = ("%s-%s-%d"):format(name, mode, i)
            helper.write(content, own .. "/" .. name)
            run_tftp(address, mode, ("put %s %s"):format(name, new))
            assert.is_true(content == helper.read(directory .. "/" .. new), new)
          end
        end
      end
    end)

    serving(where, "on " .. where .. " does what curl asks for", function()
      peers.need(pending, "curl")
      for i, address in ipairs(addresses) do
        for _, options in ipairs { "", "--tftp-no-options",
          "--tftp-blksize 1428", "--tftp-blksize 65464" } do
          for _, name in ipairs { "text", "even", "odd" } do
            curl(address, name, options .. " -o " .. own .. "/got")
            assert.is_true(FILES[name] == helper.read(own .. "/got"), options .. name)
          end
        end
        -- "tsize 0" curl takes for an error
        assert.equal("", curl(address, "empty", "--tftp-no-options"))
        curl(address, "new" .. i, "-T " .. directory .. "/odd")
        assert.is_true(BINARY == helper.read(directory .. "/new" .. i))
      end
    end)
  end

  serving("0.0.0.0", "counts blocks beyond 65535", function()
    peers.need(pending, "curl")
    local large = BINARY:rep(6)
    helper.write(large, directory .. "/large")
    curl("10.0.0.1", "large", "--tftp-blksize 8 -m 40 -o " .. own .. "/large")
    assert.is_true(large == helper.read(own .. "/large"))
  end)

  serving("0.0.0.0", "hands a file out through a link that loses packets", function()
    peers.need(pending, "curl")
    client:run("nft add table ip t")
    client:run("nft 'add chain ip t i { type filter hook input priority 0; }'")
    client:run("nft 'add rule ip t i udp sport != 69 numgen inc mod 10 == 0 counter drop'")
    helper.write(BINARY:sub(1, 9000), directory .. "/some")
    curl("10.0.0.1", "some", "--tftp-blksize 1428 -o " .. own .. "/some")
    assert.is_true(BINARY:sub(1, 9000) == helper.read(own .. "/some"))
    assert.is_nil(client:run("nft list table ip t"):find("packets 0 ", 1, true))
  end)

  it("ends with Ctrl-C when its transfers have", function()
    peers.need(pending, "curl")
    helper.run(function()
      program = peers.example(server, "tftp_server.lua", directory, "69")
      program:line("^listening")
      assert.equal(TEXT, curl("10.0.0.1", "text"))
      assert.equal(0, program:stop("sigint"))
    end, 30)
  end)

  serving("0.0.0.0", "leaves what is there as it is", function()
    peers.need(pending, "curl")
    assert.truthy(curl("10.0.0.1", "text", "-T " .. directory .. "/odd", 73))
    assert.equal(TEXT, helper.read(directory .. "/text"))
  end)

  -- Sends a packet from a new socket to an address (10.0.0.1); returns what is answered:
  -- opcode, number, rest, and from where.
  local function ask(packet, address)
    address = address or "10.0.0.1"
    local socket, answer = client:socket(address:find(":") and "udp6" or "udp4"), nil
    socket:on("message", function(msg, rinfo)
      answer = { tftp.parse(msg) }
      answer[4] = rinfo.address
      if answer[1] ~= tftp.ERROR then
        client:call(socket.send, socket, tftp.error(0, "thanks"), rinfo.port, rinfo.address)
      end
      socket:close()
    end)
    client:call(socket.send, socket, packet, 69, address)
    helper.wait(function() return answer end)
    return answer
  end

  for where, addresses in pairs(peers.ADDRESSES) do
    serving(where, "on " .. where .. " answers from the address that was asked", function()
      for _, address in ipairs(addresses) do -- not each client looks
        assert.equal(address, ask("\0\1odd\0octet\0", address)[4])
        assert.equal(address, ask("\0\1nothing\0octet\0", address)[4])
      end
    end)
  end

  serving("0.0.0.0", "serves the files of its directory only", function()
    host.output(("cd %s; mkdir sub; cp text sub; mkfifo fifo; ln -s ../secret link; "
      .. "ln -s .. up; cp text .hidden"):format(directory))
    for _, name in ipairs { "../secret", "..", ".", "", "/etc/passwd", "up/secret", "sub",
      "sub/text", "./text", "link", "fifo", ".hidden", "text\n", "t*", "text/", "../served/text",
      "nothing", folder .. "/secret", "..\\secret", "%2e%2e/secret", ("n"):rep(300) } do
      local read = ask("\0\1" .. name .. "\0octet\0")
      assert.equal(tftp.ERROR, read[1], name)
      assert.truthy(read[2] == 1 or read[2] == 2, name)
      if name ~= "nothing" then
        assert.equal(tftp.ERROR, ask("\0\2" .. name .. "\0octet\0")[1], name)
      end
    end
    assert.equal(4, ask("\0\1text\0mail\0")[2])
    assert.equal("secret", helper.read(folder .. "/secret"))
    assert.equal(tftp.DATA, ask("\0\1text\0octet\0")[1])
  end)

  serving("0.0.0.0", "removes what has come in part", function()
    assert.equal(tftp.ACK, ask("\0\2part\0octet\0")[1])
    helper.wait(function()
      ask("\0\1text\0octet\0") -- to turn the loop
      return not host.succeeds("test -e " .. directory .. "/part")
    end)
  end)

  serving("0.0.0.0", "answers a request that comes twice once", function()
    local socket, ports = client:socket("udp4"), {}
    socket:on("message", function(_, rinfo) ports[#ports + 1] = rinfo.port end)
    for _ = 1, 3 do
      client:call(socket.send, socket, "\0\1odd\0octet\0", 69, "10.0.0.1")
    end
    helper.fill(ports)
    ask("\0\1odd\0octet\0")
    for _, port in ipairs(ports) do assert.equal(ports[1], port) end
    client:call(socket.send, socket, tftp.error(0, "enough"), ports[1], "10.0.0.1")
    ask("\0\1odd\0octet\0")
    socket:close()
  end)

  serving("0.0.0.0", "passes over options that lie", function()
    for _, option in ipairs { "blksize\0" .. "7", "blksize\0" .. "65465", "blksize\0-8",
      "blksize\0" .. ("9"):rep(99), "timeout\0" .. "0", "timeout\0" .. "256", "x\0y" } do
      local answer = ask("\0\1odd\0octet\0" .. option .. "\0")
      assert.equal(tftp.DATA, answer[1], option)
      assert.equal(512, #answer[3])
    end
  end)

  serving("0.0.0.0", "serves on after hostile packets", function()
    math.randomseed(1350)
    local sample = "\0\1odd\0octet\0blksize\0" .. "1428\0timeout\0" .. "1\0tsize\0" .. "0\0"
    for i = 1, 1500 do
      local socket = client:socket("udp4")
      local bytes = { sample:byte(1, math.random(#sample)) }
      for _ = 1, math.random(0, 3) do bytes[math.random(#bytes)] = math.random(0, 255) end
      local packet = string.char((table.unpack or unpack)(bytes))
      client:call(socket.send, socket, packet, 69, "10.0.0.1")
      client:call(socket.send, socket, tftp.error(0, "enough"), 69, "10.0.0.1")
      socket:close()
      if i == 1 then assert.equal(tftp.DATA, ask("\0\1text\0octet\0")[1]) end
    end
    helper.wait(function() -- until those it began are given up
      local socket, answer = client:socket("udp4"), nil
      socket:on("message", function(msg) answer = msg end)
      client:call(socket.send, socket, "\0\1text\0octet\0", 69, "10.0.0.1")
      helper.pass(100)
      socket:close()
      return answer
    end, 30)
    assert.equal("secret", helper.read(folder .. "/secret"))
  end)
end)
