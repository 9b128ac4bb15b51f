-- errorMonitor hears first and does not count as a listener.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:on(o.errorMonitor, function(err) o.log("monitor", err) end)
o.log("count", a:listenerCount("error"), a:listenerCount(o.errorMonitor))
a:once("error", function(err)
  o.log("error", err)
  o.attempt("alone", function() return a:emit("error", err) end)
end)
a:bind(0, "203.0.113.1")

o.run()
