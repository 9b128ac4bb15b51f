-- Buffer sizes of a socket that is not bound.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "setRecvBufferSize", 10000)
o.call(a, "getRecvBufferSize")
o.call(a, "setSendBufferSize", 12000)
o.call(a, "getSendBufferSize")
o.call(a, "setSendBufferSize", -1)

o.run()
