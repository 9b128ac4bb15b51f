-- A UDP load balancer: each client has a socket of its own to one backend, where it
-- stays and whence answers find their way; who is idle is forgotten; backends where
-- nobody listens are left out until somebody does. End with Ctrl-C.
--   lua5.4 examples/udp_balancer.lua PORT ADDRESS:PORT... [idle=60] [check=5] [probe=TEXT]
-- Try it, with socat as a backend:
--   socat UDP4-RECVFROM:9001,fork SYSTEM:'read x; echo one' &
--   lua5.4 examples/udp_balancer.lua 9000 127.0.0.1:9001 127.0.0.1:9002 &
--   echo | socat - UDP4:127.0.0.1:9000
local dgram = require "dgram"
local uv = require "luv"

local LIMIT = 500 -- clients at a time: each takes a descriptor

-- Seconds until a client is forgotten, and between checks (0: none); what a check sends.
local settings = { idle = 60, check = 5, probe = "" }
local port, backends = tonumber(arg[1]) or 9000, {}

for i = 2, #arg do
  local name, value = arg[i]:match("^(%a+)=(.*)$")
  local address, at = arg[i]:match("^([%d.]+):(%d+)$")
  if name then
    settings[name] = name == "probe" and value or tonumber(value)
  else
    backends[#backends + 1] = { name = arg[i], up = true, port = tonumber(at),
      address = assert(address, "ADDRESS:PORT is wanted") }
  end
end
assert(backends[1], "a backend is wanted")

-- Notes whether a backend is there, and says so when that changes. Without checks
-- nobody would find out that it is back: then all are taken to be there.
local function mark(backend, up)
  up = up or settings.check == 0
  if backend.up ~= up then print(backend.name .. (up and " is up" or " is down")) end
  backend.up = up
end

-- A number for a text, evenly spread.
local function hash(text)
  local value = 0
  for i = 1, #text do value = (value * 33 + text:byte(i)) % 94906249 end
  return value * value % 67108859 -- a prime; the square is below 2^53
end

-- Chooses the backend of a client: of those that are up (or of all, if none is) the one
-- with the highest number, so that a client comes back to where it was, and only those
-- of a backend that is gone move (rendezvous hashing).
local function choose(client)
  local best, highest
  for _, backend in ipairs(backends) do
    local number = hash(backend.name .. " " .. client)
    if not best or backend.up and not best.up
      or backend.up == best.up and number > highest then
      best, highest = backend, number
    end
  end
  return best
end

local front = dgram.createSocket { type = "udp4", recvBufferSize = 4194304,
  recvInfo = { "localAddress", "interface" } } -- answers leave from where it was asked
local sessions, count = {}, 0

local function forget(key)
  sessions[key].upstream:close()
  sessions[key], count = nil, count - 1
end

-- Connects a client with a backend, both ways; nil if that cannot be. If the host of
-- the backend says that nobody listens there, the client's next datagram finds another.
local function open(key, rinfo)
  local backend, upstream = choose(rinfo.address), dgram.createSocket("udp4")
  local session = { upstream = upstream, seen = uv.now() }
  upstream:on("message", function(msg)
    session.seen = uv.now()
    front:reply(msg, rinfo)
  end)
  upstream:on("error", function(err)
    if err.code == "ECONNREFUSED" then mark(backend, false) end
    forget(key)
  end)
  if count == LIMIT or not pcall(upstream.connectSync, upstream, backend.port,
    backend.address) then
    return nil
  end
  sessions[key], count = session, count + 1
  return session
end

front:on("message", function(msg, rinfo)
  if rinfo.port == 0 then return end -- nobody can be answered there
  local key = rinfo.address .. " " .. rinfo.port .. " " .. rinfo.localAddress
  local session = sessions[key] or open(key, rinfo)
  if not session then return end
  session.seen = uv.now()
  session.upstream:send(msg)
end)

-- Asks a backend whether somebody listens, by a datagram: if not, its host says so
-- (ICMP), which a connected socket hears. No word since the last check is a good word.
local function check(backend)
  if backend.asked then mark(backend, not backend.refused) end
  backend.asked, backend.refused = true, false
  backend.probe:send(settings.probe)
end

local function check_all()
  for _, backend in ipairs(backends) do check(backend) end
end

local function forget_idle()
  for key, session in pairs(sessions) do
    if uv.now() - session.seen > settings.idle * 1000 then forget(key) end
  end
end

-- Calls a function again and again.
local timers = {}
local function every(seconds, fn)
  timers[#timers + 1] = uv.new_timer()
  timers[#timers]:start(0, seconds * 1000, fn)
end

for _, backend in ipairs(backends) do
  backend.probe = dgram.createSocket("udp4")
  backend.probe:on("error", function()
    backend.refused = true
    mark(backend, false)
  end)
  backend.probe:connectSync(backend.port, backend.address)
end

front:bind(port, "0.0.0.0", function()
  print("listening on port " .. front:address().port)
  if settings.check > 0 then every(settings.check, check_all) end
  every(settings.idle / 4, forget_idle)
end)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:start("sigint", function()
  interrupt:close()
  for _, timer in ipairs(timers) do timer:close() end
  for key in pairs(sessions) do forget(key) end
  for _, backend in ipairs(backends) do backend.probe:close() end
  front:close()
end)
uv.run()
