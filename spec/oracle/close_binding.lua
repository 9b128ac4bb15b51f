-- close right after bind: no 'listening'.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, "127.0.0.1", function() o.log("never") end)
a:close(function() o.log("callback") end)
local b = o.socket("b", "udp4")
b:bind(0, "localhost", function() o.log("never") end)
b:close()

o.run()
