-- Options of a socket that is not bound.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "setTTL", 5)
o.call(a, "setBroadcast", true)
o.call(a, "setMulticastTTL", 5)
o.call(a, "setMulticastLoopback", true)
o.call(a, "setMulticastInterface", "127.0.0.1")
o.call(a, "addMembership", "239.1.2.3", "127.0.0.1")

o.run()
