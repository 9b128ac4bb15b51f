-- An echo server; the load generator measures it and the driver ends it.
--   echo.lua [mode=listener|receive]
local dgram = require "dgram"
local measure = require "bench.measure"

local mode = measure.arguments(arg).mode or "listener"
local server = dgram.createSocket("udp4")
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
  modes[mode]()
  measure.say("ports=%d", server:address().port)
end)
measure.run()
