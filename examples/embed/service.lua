-- The service that host.c runs in each of its Lua states: a UDP echo. It
-- returns the function that ends it.
local dgram = require "dgram"

local server = dgram.createSocket("udp4")

server:on("message", function(msg, rinfo)
  server:send(msg, rinfo.port, rinfo.address)
end)

server:bind(0, "127.0.0.1", function()
  print("listening on port " .. server:address().port)
end)

return function() server:close() end
