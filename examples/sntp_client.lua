-- An SNTP client (RFC 5905, RFC 4330): asks a server how far the clock of this machine
-- is off, and prints it; it sets nothing. When the answer came the kernel says.
--   lua5.4 examples/sntp_client.lua [host [port]]
--   lua5.4 examples/sntp_client.lua pool.ntp.org 123
--   chronyd -x -d 'local' 'allow' 'port 1123' 'cmdport 0' 'pidfile /tmp/chronyd.pid'
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local dgram = require "dgram"
local ntp = require "ntp"
local uv = require "luv"

local host, port = arg[1] or "127.0.0.1", arg[2] or 1123
local WAITS = { 1000, 2000, 4000 } -- milliseconds for an answer, then it asks again

-- The offset of the clock and the time that the packets travelled, in seconds; nil and
-- why the answer is of no use.
local function judge(answer, asked, came)
  if answer.mode ~= ntp.SERVER then return nil, "this is no answer" end
  if answer.stratum == 0 and answer.reference:find("^%u%u%u%u$") then -- "a kiss"
    return nil, "the server says " .. answer.reference
  elseif answer.leap == 3 or answer.stratum == 0 or answer.stratum > 15 then
    return nil, "the server's clock is not set"
  end
  return ((answer.received - asked) + (answer.sent - came)) / 2,
    (came - asked) - (answer.sent - answer.received)
end

-- Asks once; returns the answer, when it was asked and when the answer came; nil and
-- why there is none within some milliseconds. The request carries no time, but what
-- nobody can guess: who does not see it cannot forge an answer.
local function ask(socket, ms)
  local secret, deadline = uv.random(8), uv.now() + ms
  local asked = ntp.now()
  socket:send(ntp.encode { version = 4, mode = ntp.CLIENT, transmit = secret })
  repeat
    local packet, info = socket:receive(math.max(0, deadline - uv.now()))
    if not packet then return nil, info end
    local came = info.timestamp or ntp.now()
    local answer = ntp.decode(packet, came)
    if answer and answer.originate == secret then return answer, asked, came end
  until uv.now() >= deadline
end

-- Asks until there is an answer; returns offset and delay, or nil and the reason.
local function measure(socket)
  local err = dgram.await(socket.connect, socket, port, host) -- hears nobody else
  if err then return nil, err end
  for _, wait in ipairs(WAITS) do
    local answer, asked, came = ask(socket, wait)
    if answer then return judge(answer, asked, came) end
    if asked and asked.code ~= "ETIMEDOUT" then return nil, asked end
  end
  return nil, "no answer"
end

local offset, delay = dgram.run(function()
  local socket = dgram.createSocket {
    type = host:find(":", 1, true) and "udp6" or "udp4", recvInfo = { "timestamp" },
  }
  local offset, delay = measure(socket)
  socket:close()
  return offset, delay
end)

if not offset then
  print(tostring(delay))
  os.exit(1)
end
print(("offset %+.6f s, delay %.6f s"):format(offset, delay))
