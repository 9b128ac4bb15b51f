-- A network of hosts in one process, each a network namespace, joined by
-- veth cables, bridges and routers.
--
--   local network = Network.new()
--   local a, b = network:host(), network:host()
--   network:cable(a, "eth0", b, "eth0")
--   a:address("eth0", "10.0.0.1/24")
--   local socket = a:listener("udp4")
--   network:close()
--
-- What is opened inside host:call belongs to that host for good.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local netns = require "netns"
local uv = require "luv"

local Network = { PORT = 5000 } -- in namespaces of our own; nobody else is there
Network.__index = Network

local Host = {}
Host.__index = Host

-- Calls a function inside the host; returns its results.
function Host:call(fn, ...)
  netns.enter(self.fd)
  local results = table.pack(pcall(fn, ...))
  netns.enter(self.network.home)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- Makes a socket of the host, bound as bindSync's options say.
function Host:socket(options, where)
  return self:call(function()
    local socket = dgram.createSocket(options)
    socket:bindSync(where or {})
    return socket
  end)
end

-- The same, on the port; what it hears is added to `socket.heard`, as `read` makes
-- it, if given.
function Host:listener(options, where, read)
  where = where or {}
  where.port = Network.PORT
  local socket = self:socket(options, where)
  socket.heard = {}
  socket:on("message", function(msg)
    table.insert(socket.heard, read and read(msg) or msg)
  end)
  return socket
end

-- Runs a shell command inside the host; an error when it fails, unless `try`.
function Host:run(command, try)
  return self:call(function()
    local pipe = io.popen(command .. " 2>&1")
    local output = pipe:read("*a")
    local ok = pipe:close()
    if not ok and not try then error(command .. ": " .. output, 0) end
    return ok and output
  end)
end

-- Sets a kernel parameter of the host.
function Host:sysctl(name, value)
  self:call(function()
    local path = "/proc/sys/net/" .. name:gsub("%.", "/")
    local file = assert(io.open(path, "w"))
    assert(file:write(value))
    assert(file:close())
  end)
end

-- Gives an interface addresses and switches it on.
function Host:address(interface, ...)
  for _, address in ipairs { ... } do
    local flag = address:find(":") and " nodad" or " brd +"
    self:run("ip addr add " .. address .. " dev " .. interface .. flag)
  end
  self:run("ip link set " .. interface .. " up")
end

-- The index of an interface.
function Host:index(interface)
  return tonumber(self:run("ip -o link show " .. interface):match("^(%d+):"))
end

-- Tells whether an interface has noticed its cable: IPv6 works from then on. The
-- switch at the other end, if there is one, notices later: it drops until then.
function Host:is_up(interface)
  local port = self.ports[interface]
  return self:run("ip -6 route show table all dev " .. interface)
    :find("ff00::/8", 1, true) ~= nil and (not port or port:is_forwarding())
end

-- Waits until the interfaces of the host are in use.
function Host:settle(...)
  for _, interface in ipairs { ... } do
    local tries = 0
    while not self:is_up(interface) do
      tries = tries + 1
      assert(tries < 500, interface .. " does not come up")
      uv.sleep(5)
    end
  end
end

-- Reads a counter of the host's kernel: "Icmp", "InDestUnreachs", or one name
-- of IPv6, "Icmp6InDestUnreachs".
function Host:counter(group, field)
  return self:call(function()
    if not field then
      for line in io.lines("/proc/net/snmp6") do
        local value = line:match("^" .. group .. "%s+(%d+)")
        if value then return tonumber(value) end
      end
    end
    local names
    for line in io.lines("/proc/net/snmp") do
      local words = {}
      for word in line:gmatch("%S+") do words[#words + 1] = word end
      if words[1] == group .. ":" and names then
        for i, name in ipairs(names) do
          if name == field then return tonumber(words[i]) end
        end
      end
      names = words
    end
    error("no counter " .. group .. " " .. tostring(field))
  end)
end

-- Forwards between its interfaces.
function Host:forward()
  self:sysctl("ipv4.ip_forward", "1")
  self:sysctl("ipv6.conf.all.forwarding", "1")
end

-- Turns the loop until `condition()` holds, also when nothing wakes it.
local function wait(condition, seconds)
  local ticker = uv.new_timer()
  ticker:start(5, 5, function() end)
  local ok, err = pcall(helper.wait, condition, seconds)
  ticker:close()
  if not ok then error(err, 2) end
end

Network.wait = wait

function Network.new()
  return setmetatable({ home = netns.own(), hosts = {} }, Network)
end

-- Adds a host with a loopback interface.
function Network:host()
  local host = setmetatable({ network = self, fd = netns.new(), ports = {} }, Host)
  netns.enter(self.home)
  table.insert(self.hosts, host)
  for _, name in ipairs { "all", "default" } do
    host:sysctl("ipv6.conf." .. name .. ".accept_dad", "0")
  end
  host:run("ip link set lo up")
  return host
end

-- Where the ip command finds a host's namespace.
local function namespace(host)
  return ("/proc/%d/fd/%d"):format(uv.os_getpid(), host.fd)
end

-- Lays a cable between two hosts.
function Network:cable(a, name_a, b, name_b)
  a:run(("ip link add %s type veth peer name %s netns %s"):format(name_a,
    name_b, namespace(b)))
  assert(self == a.network)
end

-- A port of a switch.
local Port = {}
Port.__index = Port

-- Tells whether the switch forwards what comes by the port, and to it.
function Port:is_forwarding()
  return self.switch:run("ip -d link show " .. self.name)
    :find("state forwarding", 1, true) ~= nil
end

-- Joins hosts by a bridge; each gets an interface of that name.
function Network:switch(interface, ...)
  local switch = self:host()
  switch:run("ip link add br0 type bridge mcast_snooping 0")
  switch:run("ip link set br0 up")
  for i, host in ipairs { ... } do
    local port = setmetatable({ switch = switch, name = "port" .. i }, Port)
    self:cable(switch, port.name, host, interface)
    switch:run(("ip link set %s master br0 up"):format(port.name))
    host.ports[interface] = port
  end
  return switch
end

-- Two hosts and a router between them: a (10.0.0.1, fd00:0::1) at the router's
-- eth0, b (10.0.1.2, fd00:1::2) at its eth1; the router ends with .254, ::fe.
-- Errors are told at once, not once a second.
function Network:routed()
  local a, r, b = self:host(), self:host(), self:host()
  self:cable(a, "eth0", r, "eth0")
  self:cable(r, "eth1", b, "eth0")
  r:forward()
  for _, host in ipairs { a, r, b } do
    host:sysctl("ipv4.icmp_ratelimit", "0")
    host:sysctl("ipv4.icmp_msgs_per_sec", "100000")
    host:sysctl("ipv6.icmp.ratelimit", "0")
  end
  a:address("eth0", "10.0.0.1/24", "fd00:0::1/64")
  r:address("eth0", "10.0.0.254/24", "fd00:0::fe/64")
  r:address("eth1", "10.0.1.254/24", "fd00:1::fe/64")
  b:address("eth0", "10.0.1.2/24", "fd00:1::2/64")
  a:settle("eth0")
  b:settle("eth0")
  r:settle("eth0", "eth1")
  a:run("ip route add default via 10.0.0.254")
  a:run("ip -6 route add default via fd00:0::fe")
  b:run("ip route add default via 10.0.1.254")
  b:run("ip -6 route add default via fd00:1::fe")
  return a, r, b
end

-- Gives the namespaces back; the kernel takes down what is in them.
function Network:close()
  netns.enter(self.home)
  for _, host in ipairs(self.hosts) do netns.leave(host.fd) end
  netns.leave(self.home)
end

return Network
