-- Wrong arguments of connectSync leave the socket unconnected, and unbound.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "connectSync")
o.call(a, "connectSync", 0)
o.call(a, "connectSync", 65536, "127.0.0.1")
o.call(a, "connectSync", "x")
o.call(a, "connectSync", 9, 5)
o.call(a, "connectSync", 0, 5)
o.call(a, "remoteAddress")
o.attempt("bindSync", function() a:bindSync { address = "127.0.0.1" } end)
a:close()
o.call(a, "connectSync", 0)
o.call(a, "connectSync", 9, 5)

o.run()
