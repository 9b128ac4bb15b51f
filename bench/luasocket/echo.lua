-- An echo server by LuaSocket, blocking on one socket.
local socket = require "socket"
local measure = require "bench.measure"

local server = socket.udp4()
assert(server:setsockname("127.0.0.1", 0))
measure.say("ports=%d", select(2, server:getsockname()))
while true do
  local data, address, port = server:receivefrom()
  if data then server:sendto(data, address, port) end
end
