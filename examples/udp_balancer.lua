-- A UDP load balancer: each client has a socket of its own to one backend, where it
-- stays and whence answers find their way; who is idle is forgotten; backends where
-- nobody listens are left out until somebody does. End with Ctrl-C.
--   lua5.4 examples/udp_balancer.lua PORT ADDRESS:PORT... [idle=60] [check=5] [probe=TEXT]
-- `idle` and `check` are seconds, until a client is forgotten and between checks (0:
-- none); `probe` is what a check sends: a newline, for some take what is empty for the
-- end. Try it, with socat as a backend:
--   socat UDP4-RECVFROM:9001,fork SYSTEM:'read x; echo one' &
--   lua5.4 examples/udp_balancer.lua 9000 127.0.0.1:9001 127.0.0.1:9002 &
--   echo | socat - UDP4:127.0.0.1:9000
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local Backends = require "udp_backends"
local dgram = require "dgram"
local uv = require "luv"

local LIMIT = 500 -- clients at a time: each takes a descriptor
local USAGE = "usage: udp_balancer.lua PORT ADDRESS:PORT... [idle=60] [check=5] [probe=TEXT]"

local settings, names = { idle = "60", check = "5", probe = "\n" }, {}
for i = 2, #arg do
  local name, value = arg[i]:match("^(%a+)=(.*)$")
  if name then
    assert(settings[name], USAGE)
    settings[name] = value
  else
    names[#names + 1] = arg[i]
  end
end
local idle, check = tonumber(settings.idle), tonumber(settings.check)
assert(names[1] and idle and check, USAGE)

local backends = Backends.new(names, check, settings.probe, print)
local front = dgram.createSocket { type = "udp4", recvBufferSize = 4194304,
  recvInfo = { "localAddress", "interface" } } -- answers leave from where it was asked
local sessions, count = {}, 0 -- by client

local function forget(key)
  sessions[key].upstream:close()
  sessions[key], count = nil, count - 1
end

-- Connects a client with a backend, both ways; nil if that cannot be. If the host of
-- the backend says that nobody listens there, the client's next datagram finds another.
local function open(key, rinfo)
  if count == LIMIT then return nil end
  local backend, upstream = backends:choose(rinfo.address), dgram.createSocket("udp4")
  local session = { upstream = upstream, seen = uv.now() }
  upstream:on("message", function(msg)
    session.seen = uv.now()
    front:reply(msg, rinfo)
  end)
  upstream:on("error", function(err)
    if err.code == "ECONNREFUSED" then backends:refused(backend) end
    forget(key)
  end)
  if not pcall(upstream.connectSync, upstream, backend.port, backend.address) then
    upstream:close()
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

front:bindSync { port = arg[1] }

local sweeper, interrupt = uv.new_timer(), uv.new_signal()
sweeper:start(0, math.ceil(idle * 250), function()
  for key, session in pairs(sessions) do
    if uv.now() - session.seen > idle * 1000 then forget(key) end
  end
end)

interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() -- Ctrl-C
  for key in pairs(sessions) do forget(key) end
  sweeper:close()
  backends:close()
  front:close()
end)

print("listening on port " .. front:address().port)
uv.run()
