-- A reason is kept by the signal; the socket emits no error.
local o = require "spec.oracle.log"

local controller = o.AbortController()
o.log("reason", controller.signal.reason, controller.signal.aborted)
local a = o.socket("a", { type = "udp4", signal = controller.signal })
controller.signal:addEventListener("abort", function() o.log("listener") end)
controller.abort("because")
controller.abort("again")
o.log("reason", controller.signal.reason, controller.signal.aborted)
o.call(a, "close")

o.run()
