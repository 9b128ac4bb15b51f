-- A failed bind that nobody listens to ends the process.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:on("close", function() o.log("never") end)
a:bind(0, "203.0.113.1")
o.log("after bind")

o.run()
