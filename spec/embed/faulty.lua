-- A service for spec/embed_spec.lua: an echo that raises when it is told to,
-- and does not end when it is asked to.
local dgram = require "dgram"

local server = dgram.createSocket("udp4")

server:on("message", function(msg, rinfo)
  if msg == "raise" then error("a listener raised") end
  server:send(msg, rinfo.port, rinfo.address)
end)

server:bind(0, "127.0.0.1", function()
  io.write(("listening on port %d\n"):format(server:address().port))
end)

return function() error("cannot stop") end
