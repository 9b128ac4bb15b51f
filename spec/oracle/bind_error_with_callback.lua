-- A bind callback and no 'error' listener.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:bind(0, "203.0.113.1", function() o.log("never") end)
o.log("after bind")

o.run()
