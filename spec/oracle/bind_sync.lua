-- bindSync returns the address; 'listening' comes later.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("listening", function() a:close() end)
local address = a:bindSync { port = 0, address = "127.0.0.1" }
o.log("bound", address)
o.log("same port", address.port == a:address().port)

o.run()
