-- bindSync and connectSync with an address of the other family.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "bindSync", { address = "::1" })
o.call(a, "connectSync", 9, "::1")
o.call(a, "remoteAddress")
a:close()
local b = o.socket("b", "udp6")
o.call(b, "bindSync", { address = "127.0.0.1" })
o.call(b, "connectSync", 9, "127.0.0.1")
o.call(b, "remoteAddress")
b:close()

o.run()
