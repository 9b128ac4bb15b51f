-- What is done while system calls fail: { name, function(case, path) }. A
-- scenario makes its sockets through the case, which checks what became of
-- them (see case.lua); `path()` names a file nobody else uses.
local ROOM = 1024 * 1024 -- or what the system grants; no datagram is dropped
local LOCAL = { udp4 = "127.0.0.1", udp6 = "::1" }

-- A burst from a socket to itself: trains, several batches, in order.
local function burst(kind, count, size)
  return function(case)
    local socket = case:socket { type = kind, recvBufferSize = ROOM }
    if not case:bind(socket, 0, LOCAL[kind]) then return end
    local address = case:try(socket, "address")
    if not address then return end
    case:burst(socket, count, size, address.port, LOCAL[kind])
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

-- Unix sockets: a path with a stale socket on it, then datagrams.
local function unix(case, path)
  local name = path()
  local server = case:socket { type = "unix_dgram" }
  local client = case:socket { type = "unix_dgram" }
  if not case:bind(server, name) then return end
  case:burst(client, 9, 100, name)
  case:settle()
end

-- Every option, and memberships on every interface.
local function options(case)
  local socket = case:socket { type = "udp4", reuseAddr = true,
    reusePort = true, recvBufferSize = 65536, sendBufferSize = 65536 }
  case:try(socket, "setBroadcast", true)
  case:try(socket, "setTTL", 3)
  case:try(socket, "setMulticastTTL", 0)
  case:try(socket, "setMulticastLoopback", true)
  case:try(socket, "setMulticastInterface", "127.0.0.1")
  case:try(socket, "addMembership", "239.7.7.7", "lo")
  case:try(socket, "dropMembership", "239.7.7.7", "lo")
  case:try(socket, "addMembership", "239.7.7.8", "*")
  case:try(socket, "addSourceSpecificMembership", "127.0.0.1", "232.7.7.7",
    "127.0.0.1")
  case:try(socket, "setRecvBufferSize", 100000)
  case:try(socket, "getSendBufferSize")
  if not case:bind(socket, 0, "127.0.0.1") then return end
  case:settle()
end

return {
  { "a burst over IPv4", burst("udp4", 200, 32) },
  { "a burst of large datagrams over IPv6", burst("udp6", 40, 4000) },
  { "datagrams of many sizes", mixed },
  { "a connected socket", connected },
  { "sends that bind, then close", implicit },
  { "unix sockets", unix },
  { "every option", options },
}
