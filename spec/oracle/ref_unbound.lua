-- A socket that is not bound does not keep the loop alive.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "unref")
o.call(a, "ref")
o.socket("b", "udp6")

o.run()
