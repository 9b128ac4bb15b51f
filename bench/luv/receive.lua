-- Receives by uv_udp and counts datagrams.
--   receive.lua sockets=1 [mmsgs=N]
local uv = require "luv"
local measure = require "bench.measure"

local arguments = measure.arguments(arg)
local messages, ports = 0, {}

local function count(_, data)
  if data then messages = messages + 1 end
end

for i = 1, arguments.sockets or 1 do
  local options = { family = "inet", mmsgs = arguments.mmsgs }
  local socket = uv.new_udp(options)
  socket:bind("127.0.0.1", 0)
  socket:recv_start(count)
  ports[i] = socket:getsockname().port
end
measure.say("ports=%s", table.concat(ports, ","))
measure.by_timer(arguments, function() return messages end)
measure.run()
