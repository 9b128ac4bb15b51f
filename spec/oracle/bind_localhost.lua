-- bind to a host name with the system's own resolver.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, "localhost", function() o.log("a", a:address()) a:close() end)
o.log("after bind")

o.run()
