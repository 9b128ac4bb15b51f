-- Two sockets that are bound and connected at once talk at once.
local o = require "spec.oracle.log"

local a, b = o.socket("a", "udp4"), o.socket("b", "udp4")
local to = a:bindSync { address = "127.0.0.1" }
o.call(a, "setTTL", 5)
b:connectSync(to.port, "127.0.0.1")
o.call(b, "getSendQueueCount")
b:send("ping")
a:on("message", function(_, rinfo)
  a:send("pong", rinfo.port, rinfo.address)
end)
b:on("message", function() a:close() b:close() end)

o.run()
