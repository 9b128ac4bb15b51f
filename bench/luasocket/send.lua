-- Sends by LuaSocket, blocking, to one destination (connected) or to two in turn.
--   send.lua ports=1[,2] | path=FILE size=64 [mode=plain|alternate]
local socket = require "socket"
local measure = require "bench.measure"

local HOST, GROUP = "127.0.0.1", 256

local arguments = measure.arguments(arg)
local message = ("x"):rep(arguments.size)
local tick = measure.ticker(arguments, socket.gettime)
local count = 0

-- Calls `send` for ever, looking at the clock after each group.
local function run(send)
  while true do
    for i = 1, GROUP do
      if send(i) then count = count + 1 end
    end
    tick(count)
  end
end

if arguments.path then
  local client = require("socket.unix").dgram()
  assert(client:connect(arguments.path))
  run(function() return client:send(message) end)
elseif arguments.mode == "alternate" then
  local client, ports = socket.udp4(), arguments.list
  run(function(i) return client:sendto(message, HOST, ports[i % 2 + 1]) end)
else
  local client = socket.udp4()
  assert(client:setpeername(HOST, arguments.list[1]))
  run(function() return client:send(message) end)
end
