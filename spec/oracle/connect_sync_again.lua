-- disconnect, and connectSync to another peer.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bindSync { address = "127.0.0.1" }
o.call(a, "connectSync", 9, "127.0.0.1")
o.call(a, "disconnect")
o.call(a, "disconnect")
o.call(a, "connectSync", 7, "127.0.0.2")
o.call(a, "remoteAddress")
a:on("connect", function() a:removeAllListeners("connect") a:close() end)

o.run()
