-- bind of a udp6 socket: the default address and an explicit one.
-- needs: IPv6
local o = require "spec.oracle.log"

local a = o.socket("a", "udp6")
a:bind(0, function() o.log("a", a:address()) a:close() end)
local b = o.socket("b", "udp6")
b:bind(0, "::1", function() o.log("b", b:address()) b:close() end)

o.run()
