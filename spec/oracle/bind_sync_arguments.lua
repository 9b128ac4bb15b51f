-- Wrong arguments of bindSync leave the socket unbound.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "bindSync", 5)
o.call(a, "bindSync", "x")
o.call(a, "bindSync", { port = -1 })
o.call(a, "bindSync", { port = 65536 })
o.call(a, "bindSync", { port = "x" })
o.call(a, "bindSync", { port = true })
o.call(a, "bindSync", { address = 5 })
o.call(a, "bindSync", { port = "x", address = 5 })
o.call(a, "bindSync", { address = "127.0.0.1" })
a:close()

o.run()
