-- What a closed socket answers.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:close()
for _, method in ipairs { "bind", "address", "close", "remoteAddress", "ref",
  "unref" } do o.call(a, method) end
o.call(a, "addMembership", "239.1.2.3")
o.call(a, "addMembership")
o.call(a, "dropMembership", "239.1.2.3")
o.call(a, "setMulticastInterface", "0.0.0.0")
o.call(a, "addSourceSpecificMembership", "127.0.0.1", "232.1.1.1")
o.call(a, "dropSourceSpecificMembership", "127.0.0.1", "232.1.1.1")
o.call(a, "disconnect")
o.call(a, "send", "x", 9)
o.call(a, "send", "x", 0)
o.call(a, "sendto", "x", 0, 1, 9, "127.0.0.1")
o.call(a, "connect", 9)

o.run()
