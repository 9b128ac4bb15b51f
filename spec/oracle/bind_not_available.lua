-- An address that is not ours; port 0 is not in the error.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("error", function() a:close() end)
a:bind(0, "203.0.113.1")
local b = o.socket("b", "udp6")
b:on("error", function() b:close() end)
b:bind(0, "2001:db8::1")

o.run()
