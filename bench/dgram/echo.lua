-- An echo server; the load generator measures it and the driver ends it.
local dgram = require "dgram"
local measure = require "bench.measure"

local server = dgram.createSocket("udp4")
server:on("message", function(message, rinfo)
  server:send(message, rinfo.port, rinfo.address)
end)
server:bind(0, "127.0.0.1", function()
  measure.say("ports=%d", server:address().port)
end)
measure.run()
