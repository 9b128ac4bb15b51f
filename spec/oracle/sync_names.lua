-- bindSync and connectSync resolve no names, and ask no `lookup`.
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4", lookup = o.lookup {} })
o.call(a, "bindSync", { address = "localhost" })
o.call(a, "connectSync", 9, "localhost")
o.call(a, "connectSync", 9, "127.0.0.1")
o.call(a, "remoteAddress")
a:close()

o.run()
