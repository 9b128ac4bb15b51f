-- close inside of 'listening': later listeners still run.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("listening", function() a:close() end)
a:on("listening", function() o.call(a, "address") end)
a:bind(0, "127.0.0.1")

o.run()
