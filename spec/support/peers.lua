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
local host = require "spec.support.host"
local uv = require "luv"

-- Seconds a program gets unless a spec says otherwise.
local PATIENCE = 20

local peers = { packages = "build/peers/node_modules" }

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

--- Starts an example on a host; returns its Child.
function peers.example(on, file, ...)
  return on:call(Child.lua, "examples/" .. file, ...)
end

--- The shell command that runs an example with these arguments.
function peers.command(file, arguments)
  return ("%s examples/%s %s"):format(uv.exepath(), file, arguments or "")
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

return peers
