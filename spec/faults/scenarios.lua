-- What is done while system calls fail: { name, function(case, path) }. A
-- scenario makes its sockets through the case, which checks what became of
-- them (see case.lua); `path()` names a file nobody else uses. What a scenario
-- prepares before it meets faults is a function(path) in the third place; what
-- that returns is handed to the scenario behind `path`. `anyway` is an error that
-- may be told of whatever fault is met.
local dgram = require "dgram"
local faults = require "faults"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local ROOM = 1024 * 1024 -- or what the system grants; no datagram is dropped

-- A burst from a socket to itself: trains, several batches, in order.
local function burst(kind, count, size)
  return function(case)
    local socket = case:socket { type = kind, recvBufferSize = ROOM }
    if not case:bind(socket, 0, helper.LOOPBACK[kind]) then return end
    local address = case:try(socket, "address")
    if not address then return end
    case:burst(socket, count, size, address.port, helper.LOOPBACK[kind])
    case:settle()
  end
end

-- Datagrams of many sizes, empty ones among them: no two ride together.
local function mixed(case)
  local socket = case:socket { type = "udp4", recvBufferSize = ROOM }
  if not case:bind(socket, 0, "127.0.0.1") then return end
  local address = case:try(socket, "address")
  if not address then return end
  for i = 1, 80 do
    local payload = ("%03d"):format(i):rep(i * 7 % 12)
    case:send(socket, payload, address.port, "127.0.0.1")
  end
  case:settle()
end

-- The sources that a build lets a datagram have, one and none.
local function sources(kind)
  local version, mapped = kind == "udp4" and 4 or 6, kind == "udp4" and "" or "::ffff:"
  local all = inside.supports(4, "localAddress") and inside.supports(4, "interface")
  local list = { {}, inside.supports(version, "ttl") and { ttl = 9 } or {} }
  for i = 2, all and 4 or 1 do
    list[#list + 1] = { localAddress = mapped .. "127.0.0." .. i, interface = "lo",
      typeOfService = 8 }
  end
  return list, mapped .. "127.0.0.1"
end

-- Each datagram says how it leaves: some as their neighbours, most otherwise; and the
-- receiver is told of each.
local function ways(kind)
  return function(case)
    local list, to = sources(kind)
    local told = #list > 2 and { "localAddress", "interface", "ttl" } or nil
    local socket = case:socket { type = kind, recvBufferSize = ROOM, recvInfo = told }
    if not case:bind(socket, 0) then return end
    local address = case:try(socket, "address")
    if not address then return end
    for i = 1, 100 do
      case:send(socket, ("%03d"):format(i), address.port, to, list[i % #list + 1])
    end
    case:burst(socket, 40, 20, address.port, to, list[#list])
    case:settle()
  end
end

-- A connected socket of IPv6 says how each datagram leaves: the peer tells in which
-- family that is said.
local function connected_way(case)
  local ways_out = { {}, { ttl = 9 }, { localAddress = "::1", interface = "lo" } }
  local server = case:socket { type = "udp6", recvBufferSize = ROOM }
  local client = case:socket { type = "udp6", recvBufferSize = ROOM }
  if not case:bind(server, 0, "::1") then return end
  local address = case:try(server, "address")
  if not address or not case:connect(client, address.port, "::1") then return end
  for i = 1, 9 do case:send(client, "number " .. i, ways_out[i % 3 + 1]) end
  case:settle()
  case:try(client, "disconnect")
end

-- A connected socket sends to another.
local function connected(case)
  local server = case:socket { type = "udp4", recvBufferSize = ROOM }
  local client = case:socket { type = "udp4", recvBufferSize = ROOM }
  if not case:bind(server, 0, "127.0.0.1") then return end
  local address = case:try(server, "address")
  if not address then return end
  if not case:connect(client, address.port, "127.0.0.1") then return end
  case:try(client, "remoteAddress")
  case:burst(client, 150, 40)
  case:settle()
  case:try(client, "disconnect")
end

-- Sends that bind the socket, and a close that waits for them.
local function implicit(case)
  local server = case:socket { type = "udp4", recvBufferSize = ROOM }
  if not case:bind(server, 0, "127.0.0.1") then return end
  local address = case:try(server, "address")
  if not address then return end
  local client = case:socket { type = "udp4", recvBufferSize = ROOM }
  case:burst(client, 20, 30, address.port, "127.0.0.1")
  case:shut(client)
  case:settle()
end

-- A path with a socket on it that nobody listens on.
local function stale(path)
  local name = path()
  traffic.leave_stale(name)
  return name
end

-- Unix sockets: a path, with a stale socket on it or without, then datagrams.
local function unix(case, path, left)
  local name = left or path()
  local server = case:socket { type = "unix_dgram" }
  local client = case:socket { type = "unix_dgram" }
  if not case:bind(server, name) then return end
  case:try(server, "address")
  case:burst(client, 9, 100, name)
  case:settle()
end

-- A unix peer that does not read until all waits: a lane with a descriptor. A
-- sender with a name has its own buffer asked whether it is full.
local function lane(named)
  return function(case, path)
    local name = path()
    local server = case:socket { type = "unix_dgram" }
    local client = case:socket { type = "unix_dgram" }
    if not case:bind(server, name) then return end
    if named and not case:bind(client, path()) then return end
    case:try(server, "pause")
    case:burst(client, 15, 100, name)
    case:try(client, "flush")
    case:try(server, "resume")
    case:settle()
  end
end

-- A path with a mode the umask takes bits of: it has these or fewer.
local function mode(case, path)
  local name, umask = path(), faults.umask(63) -- 0077
  local server = case:socket { type = "unix_dgram", mode = 438 } -- 0666
  local bound = case:bind(server, name)
  faults.umask(umask)
  if not bound then return end
  local bits = uv.fs_stat(name).mode % 512
  assert(bits == 438 or faults.hits() > 0 and bits == 384, bits)
  case:burst(server, 3, 100, name)
  case:settle()
end

-- A descriptor of somebody else's, bound to loopback.
local function descriptor()
  local raw = inside.raw("udp4") -- a socket of ours would close it
  assert(raw:bind("127.0.0.1", 0))
  local fd = raw:fileno()
  raw:disown()
  return fd
end

-- A descriptor that is adopted, whose errors pile up beside the datagrams.
local function adopted(case, _, fd)
  local socket = case:socket { type = "udp4", recvBufferSize = ROOM }
  if not case:try(socket, "bind", { fd = fd }) then return uv.fs_close(fd) end
  assert(faults.keep_errors(fd))
  local address = case:try(socket, "address")
  if not address then return end
  local dead = dgram.createSocket("udp4")
  local ok, to = pcall(dead.bindSync, dead, { address = "127.0.0.1" })
  dead:close()
  if not ok then return end
  socket:send("to nobody", to.port, "127.0.0.1")
  case:burst(socket, 20, 30, address.port, "127.0.0.1")
  case:settle()
  for _ = 1, 5 do uv.run("nowait") end -- what is left is in the queue of errors
end

-- Descriptors that travel, some through a lane; a datagram brings all that were sent
-- with it, and the text is what they read.
local function descriptors(case, path)
  local name, file = path(), uv.fs_open(helper.write("text"), "r", 0)
  local server = case:socket { type = "unix_dgram", recvInfo = { "descriptors" } }
  local client = case:socket { type = "unix_dgram" }
  server:on("message", function(_, rinfo)
    for _, each in ipairs(rinfo.descriptors) do
      assert(uv.fs_read(each:fileno(), 10, 0) == "text")
      each:close()
    end
  end)
  if case:bind(server, name) then
    case:try(server, "pause")
    for i = 1, 15 do
      case:send(client, "datagram " .. i, name, { descriptors = { file, file } })
    end
    case:try(server, "resume")
    case:settle()
  end
  uv.fs_close(file)
end

-- Two sockets that are connected to each other, one of which does not read at first.
local function pair(case)
  local ok, first, second = pcall(dgram.socketpair)
  if not ok then return end
  case:adopt(first)
  case:adopt(second):pause()
  case:burst(first, 40, 20000)
  case:try(first, "flush")
  second:resume()
  case:settle()
end

-- A socket that asked for reports, whose datagrams fail on their way beside others.
local function reports(case)
  local socket = case:socket { type = "udp4", icmp = true, recvBufferSize = ROOM }
  socket:on("icmp", function(err)
    assert(type(err.code) == "string" and err.errno < 0)
  end)
  if not case:bind(socket, 0, "127.0.0.1") then return end
  local address = case:try(socket, "address")
  if not address then return end
  local dead = dgram.createSocket("udp4")
  local ok, to = pcall(dead.bindSync, dead, { address = "127.0.0.1" })
  dead:close()
  if not ok then return end
  for i = 1, 5 do socket:send(("x"):rep(i), to.port, "127.0.0.1") end
  case:burst(socket, 20, 30, address.port, "127.0.0.1")
  socket:send(("x"):rep(65530), to.port, "127.0.0.1")
  case:settle()
  for _ = 1, 5 do uv.run("nowait") end -- what is left is in the queue of errors
end

-- A socket that is told all there is of what it sends to itself.
local function told(kind, fields)
  return function(case, path)
    local socket = case:socket { type = kind, recvInfo = fields, recvBufferSize = ROOM }
    local where = kind == "unix_dgram" and { path = path() }
      or { address = helper.LOOPBACK[kind] }
    if not case:bind(socket, where) then return end
    socket:on("message", function(_, rinfo)
      for _, field in ipairs(fields) do assert(rinfo[field] ~= nil, field) end
    end)
    local address = case:try(socket, "address")
    if not address then return end
    if where.path then case:burst(socket, 5, 30, where.path)
    else case:burst(socket, 50, 30, address.port, where.address) end
    case:settle()
  end
end

-- A scenario in which a socket is told fields, if this build can.
local function telling(kind, ...)
  return traffic.can_tell(kind, ...)
    and { kind .. " that is told " .. table.concat({ ... }, ", "), told(kind, { ... }) }
    or nil
end

-- Every option, and memberships on every interface.
local function options(case)
  local socket = case:socket { type = "udp4", reuseAddr = true,
    reusePort = true, recvBufferSize = 65536, sendBufferSize = 65536,
    typeOfService = 8 }
  case:try(socket, "setTypeOfService", 4)
  case:try(socket, "getTypeOfService")
  case:try(socket, "setDontFragment", true)
  case:try(socket, "setBroadcast", true)
  case:try(socket, "setTTL", 3)
  case:try(socket, "setMulticastTTL", 0)
  case:try(socket, "setMulticastLoopback", true)
  case:try(socket, "setMulticastInterface", "127.0.0.1")
  case:try(socket, "addMembership", "239.7.7.7", "lo")
  case:try(socket, "dropMembership", "239.7.7.7", "lo")
  case:try(socket, "addMembership", "239.7.7.9", "1")
  case:try(socket, "addMembership", "239.7.7.8", "*")
  case:try(socket, "addSourceSpecificMembership", "127.0.0.1", "232.7.7.7",
    "127.0.0.1")
  case:try(socket, "setRecvBufferSize", 100000)
  case:try(socket, "getSendBufferSize")
  -- The system's choice may be a port that another process shares.
  if not case:bind(socket, host.free_port(), "127.0.0.1") then return end
  case:settle()
end

return {
  { "a burst over IPv4", burst("udp4", 200, 32) },
  { "a burst of large datagrams over IPv6", burst("udp6", 40, 4000) },
  { "datagrams of many sizes", mixed },
  { "sources over IPv4", ways "udp4" },
  { "sources over IPv4, by a socket of IPv6", ways "udp6" },
  { "a connected socket of IPv6 that says how", connected_way },
  { "a connected socket", connected },
  { "sends that bind, then close", implicit, nil, anyway = "ECANCELED" },
  { "unix sockets", unix },
  { "a unix peer that does not read", lane(false) },
  { "a unix peer that does not read, a sender with a name", lane(true) },
  { "a path that was left behind", unix, stale },
  { "a path with a mode", mode },
  { "a descriptor that is adopted", adopted, descriptor,
    anyway = "ECONNREFUSED" },
  { "a pair", pair },
  { "descriptors that travel", descriptors },
  { "every option", options },
  telling("udp4", "localAddress", "interface", "ttl", "typeOfService", "timestamp"),
  telling("udp6", "localAddress", "interface", "ttl", "typeOfService", "timestamp"),
  telling("unix_dgram", "credentials", "timestamp"),
  traffic.has_icmp() and { "a socket that asked for reports", reports,
    anyway = "EMSGSIZE" } or nil,
}
