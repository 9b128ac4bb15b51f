-- connectSync binds and connects; 'listening' and 'connect' come later.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("connect", function() a:close() end)
o.call(a, "connectSync", 9, "127.0.0.1")
o.call(a, "remoteAddress")
o.call(a, "address")
o.call(a, "connectSync", 9)
o.call(a, "connect", 9)

o.run()
