-- Sends by uv_udp to one destination (connected) or to two in turn.
--   send.lua ports=1[,2] size=64 [mode=plain|callback|alternate]
local uv = require "luv"
local measure = require "bench.measure"

local HOST, IN_FLIGHT, GROUP = "127.0.0.1", 256, 256

local arguments = measure.arguments(arg)
local message = ("x"):rep(arguments.size)
local socket = uv.new_udp()
local count = 0

-- A group of messages a turn of the loop; udp_try_send is slower.
local function plain(first, second, host)
  uv.new_idle():start(function()
    for _ = 1, GROUP / 2 do
      socket:send(message, host, first)
      socket:send(message, host, second)
    end
    count = count + GROUP
  end)
  measure.by_timer(arguments, function()
    return count - socket:get_send_queue_count()
  end)
end

-- A callback a message; each sends the next.
local function callback()
  local tick = measure.ticker(arguments, measure.seconds)
  local function again()
    count = count + 1
    if count % 1024 == 0 then tick(count) end
    socket:send(message, nil, nil, again)
  end
  for _ = 1, IN_FLIGHT do socket:send(message, nil, nil, again) end
end

if arguments.mode == "alternate" then
  plain(arguments.list[1], arguments.list[2], HOST)
else
  socket:connect(HOST, arguments.list[1])
  if arguments.mode == "callback" then callback() else plain() end
end
measure.run()
