-- An echo server; the load generator measures it and the driver ends it.
--   echo.lua [mode=listener|receive] [busyPoll=MICROSECONDS]
local dgram = require "dgram"
local measure = require "bench.measure"

local arguments = measure.arguments(arg)
local server = dgram.createSocket { type = "udp4", busyPoll = arguments.busyPoll }
local modes = {}

-- A listener answers.
function modes.listener()
  server:on("message", function(message, rinfo)
    server:send(message, rinfo.port, rinfo.address)
  end)
end

-- A coroutine receives and answers.
modes.receive = dgram.async(function()
  while true do
    local message, rinfo = server:receive()
    server:send(message, rinfo.port, rinfo.address)
  end
end)

server:bind(0, "127.0.0.1", function()
  modes[arguments.mode or "listener"]()
  measure.say("ports=%d", server:address().port)
end)
measure.run()
