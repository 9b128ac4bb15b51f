-- A signal that is aborted already closes at once.
local o = require "spec.oracle.log"

local controller = o.AbortController()
controller.abort()
local a = o.socket("a", { type = "udp4", signal = controller.signal })
o.call(a, "bind", 0)
o.call(a, "close")

o.run()
