-- Receives by LuaSocket, blocking on one socket, and counts datagrams.
--   receive.lua | path=FILE
local socket = require "socket"
local measure = require "bench.measure"

local GROUP = 256

local arguments = measure.arguments(arg)
local server = arguments.path and require("socket.unix").dgram() or socket.udp4()
if arguments.path then
  assert(server:bind(arguments.path))
  measure.say("ports=0")
else
  assert(server:setsockname("127.0.0.1", 0))
  measure.say("ports=%d", select(2, server:getsockname()))
end
local tick = measure.ticker(arguments, socket.gettime)
local count = 0
while true do
  for _ = 1, GROUP do
    if server:receivefrom() then count = count + 1 end
  end
  tick(count)
end
