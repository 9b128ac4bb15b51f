-- close inside of 'connect'.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("connect", function() a:close() end)
a:on("connect", function() o.call(a, "remoteAddress") end)
a:connect(9, "127.0.0.1")

o.run()
