-- An echo server by uv_udp; the load generator measures it.
local uv = require "luv"
local measure = require "bench.measure"

local server = uv.new_udp()
server:bind("127.0.0.1", 0)
server:recv_start(function(_, data, address)
  if data then server:try_send(data, address.ip, address.port) end
end)
measure.say("ports=%d", server:getsockname().port)
measure.run()
