-- The examples and the programs they talk to, each on a host of its own (see
-- spec/net/network.lua). Run by `make test-peers`.
--
--   local network, server, client = peers.pair()
--   local program = peers.example(server, "dns_server.lua", "5353")
--   program:line("^listening")
--   local answer = peers.output(client, "dig +tries=1 -p 5353 @10.0.0.1 host.test")
--   program:stop()
--   network:close()
local Child = require "spec.support.child"
local Network = require "spec.net.network"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local uv = require "luv"

-- Seconds a program gets unless a spec says otherwise.
local PATIENCE = 20

local peers = {
  packages = "build/peers/node_modules",
  --- Where a server binds to, and the addresses of pair() that it answers from then.
  ADDRESSES = {
    ["0.0.0.0"] = { "10.0.0.1", "10.0.0.9" },
    ["::"] = { "fd00::1", "fd00::9", "10.0.0.1", "10.0.0.9" },
  },
}

local UNPACKED = "build/peers/chrony/usr/sbin/chronyd"

--- The program chronyd: make unpacks it, but does not install it.
peers.CHRONYD = host.has(UNPACKED) and UNPACKED or "chronyd"

--- Makes a spec pending unless these programs are installed.
function peers.need(pending, ...)
  for _, program in ipairs { ... } do
    if not host.has(program) then pending(program .. " is not installed") end
  end
end

--- Makes a spec pending unless this package of npm is there.
function peers.need_package(pending, name)
  peers.need(pending, "node")
  if not host.succeeds("test -d " .. peers.packages .. "/" .. name) then
    pending("npm has not brought " .. name)
  end
end

--- Returns a network and two hosts with a cable, eth0, between them: 10.0.0.1,
--- fd00::1, which has 10.0.0.9, fd00::9 too, and 10.0.0.2, fd00::2.
function peers.pair()
  local network = Network.new()
  local server, client = network:host(), network:host()
  network:cable(server, "eth0", client, "eth0")
  server:address("eth0", "10.0.0.1/24", "10.0.0.9/24", "fd00::1/64", "fd00::9/64")
  client:address("eth0", "10.0.0.2/24", "fd00::2/64")
  server:settle("eth0")
  client:settle("eth0")
  return network, server, client
end

--- Returns a network, a host at two links and the hosts at their ends: its eth0 is
--- 10.0.1.1, fd00:1::1, its eth1 10.0.2.1, fd00:2::1, each other end an eth0 with .2.
function peers.links()
  local network = Network.new()
  local server, ends = network:host(), { network:host(), network:host() }
  for i, each in ipairs(ends) do
    network:cable(server, "eth" .. i - 1, each, "eth0")
    server:address("eth" .. i - 1, ("10.0.%d.1/24"):format(i), ("fd00:%d::1/64"):format(i))
    each:address("eth0", ("10.0.%d.2/24"):format(i), ("fd00:%d::2/64"):format(i))
  end
  server:settle("eth0", "eth1")
  for _, each in ipairs(ends) do each:settle("eth0") end
  return network, server, ends[1], ends[2]
end

--- Starts an example on a host; returns its Child.
function peers.example(on, file, ...)
  return on:call(Child.lua, "examples/" .. file, ...)
end

--- The shell command that runs an example with these arguments.
function peers.command(file, arguments)
  return ("%s examples/%s %s"):format(uv.exepath(), file, arguments or "")
end

--- A test, for `it`: body(program) while a program runs that `start` starts, once that
--- says that it listens; Ctrl-C ends it.
function peers.serving(start, body)
  return function()
    helper.run(function()
      local program = start()
      program:line("^listening")
      body(program)
      assert(program:stop("sigint") == 0, "Ctrl-C does not end it with status 0")
    end, 60)
  end
end

--- Starts a shell command on a host, without a shell that would stay in between;
--- its errors are part of the output, and node finds the packages. Returns its Child.
function peers.start(on, command)
  return on:call(Child.start, "sh", "-c",
    "exec 2>&1; export NODE_PATH=$PWD/" .. peers.packages .. "; exec " .. command)
end

--- Runs a shell command on a host, for some seconds (20) at most; returns what it
--- printed. An error when it fails, unless `status` is what it exits with.
function peers.output(on, command, seconds, status)
  local child = peers.start(on, command)
  local result, text = child:outcome(seconds or PATIENCE)
  assert(result == (status or 0), ("%s: status %d\n%s"):format(command, result, text))
  return text
end

--- Waits until a host has a UDP socket on a port.
function peers.listens(on, port)
  Network.wait(function()
    local text = on:run("cat /proc/net/udp /proc/net/udp6")
    return text:find((":%04X "):format(port), 1, true)
  end, PATIENCE)
end

--- Asks by socat, at an address of socat's; returns the line that is answered.
function peers.ask(on, address)
  local socat = peers.start(on, "socat - " .. address)
  socat:write("who?\n")
  local answer = socat:line()
  socat:stop()
  return answer
end

return peers
