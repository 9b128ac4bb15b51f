-- The backends of a load balancer: which one a client gets, and which are there; for
-- udp_balancer.lua.
--
--   local backends = Backends.new({ "10.0.0.2:9001", "10.0.0.3:9001" }, 5, "ping", print)
--   local backend = backends:choose(client) -- { name, address, port, up }
--   backends:close()
local dgram = require "dgram"
local uv = require "luv"

local Backends = {}
Backends.__index = Backends

-- A number for a text, evenly spread.
local function hash(text)
  local value = 0
  for i = 1, #text do value = (value * 33 + text:byte(i)) % 94906249 end
  return value * value % 67108859 -- a prime; the square is below 2^53
end

--- Chooses the backend of a client: of those that are up (or of all, if none is) the one
--- with the highest number, so that a client comes back to where it was, and only those
--- of a backend that is gone move (rendezvous hashing).
function Backends:choose(client)
  local best, highest
  for _, backend in ipairs(self.list) do
    local number = hash(backend.name .. " " .. client)
    if not best or backend.up and not best.up
      or backend.up == best.up and number > highest then
      best, highest = backend, number
    end
  end
  return best
end

-- Notes whether a backend is there, and tells of a change.
local function mark(self, backend, up)
  if backend.up ~= up then self.tell(backend.name .. (up and " is up" or " is down")) end
  backend.up = up
end

--- Takes a backend for gone: its host has said that nobody listens there. Without checks
--- nobody would find out that it is back: then all are taken to be there.
function Backends:refused(backend)
  if not self.timer then return end
  backend.refused = true
  mark(self, backend, false)
end

-- Asks each backend whether somebody listens, by a datagram: if not, its host says so
-- (ICMP), which a connected socket hears. No word since the last check is a good word.
local function check(self)
  for _, backend in ipairs(self.list) do
    if backend.asked then mark(self, backend, not backend.refused) end
    backend.asked, backend.refused = true, false
    backend.probe:send(self.payload)
  end
end

-- Makes a backend of "ADDRESS:PORT", with the socket that asks for it.
local function new_backend(self, name)
  local address, port = name:match("^([%d.]+):(%d+)$")
  assert(address, name .. " is no ADDRESS:PORT")
  local backend = { name = name, address = address, port = tonumber(port), up = true,
    probe = dgram.createSocket("udp4") }
  backend.probe:on("error", function() self:refused(backend) end)
  backend.probe:connectSync(backend.port, address)
  return backend
end

--- Makes backends of a list of "ADDRESS:PORT", all of which are up until a check finds
--- otherwise; each is sent `payload` every so many seconds (0: never). tell(text) is told
--- which come and go.
function Backends.new(names, seconds, payload, tell)
  local self = setmetatable({ list = {}, payload = payload, tell = tell }, Backends)
  for i, name in ipairs(names) do self.list[i] = new_backend(self, name) end
  if seconds > 0 then
    self.timer = uv.new_timer()
    self.timer:start(0, math.ceil(seconds * 1000), function() check(self) end)
  end
  return self
end

--- Checks no more.
function Backends:close()
  if self.timer then self.timer:close() end
  for _, backend in ipairs(self.list) do backend.probe:close() end
end

return Backends
