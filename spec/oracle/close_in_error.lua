-- close inside of 'error'.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("error", function()
  o.call(a, "close", function() o.log("callback") end)
end)
a:on("error", function() o.call(a, "address") end)
a:bind(0, "203.0.113.1")

o.run()
