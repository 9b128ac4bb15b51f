-- The service that host.c runs in each of its Lua states: a UDP echo. It
-- returns the function that ends it.
local dgram = require "dgram"

local server = dgram.createSocket("udp4")

server:on("message", function(msg, rinfo)
  if rinfo.port > 0 then server:reply(msg, rinfo) end -- 0 has no answer
end)

-- One write a line: print() makes two, and the other thread may come between.
server:bind(0, "127.0.0.1", function()
  io.write(("listening on port %d\n"):format(server:address().port))
end)

return function() server:close() end
