-- Listeners that are added while the event is emitted.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:once("x", function()
  o.log("first")
  a:on("x", function() o.log("added") end)
  a:prependListener("x", function() o.log("prepended") end)
end)
a:on("x", function() o.log("second") end)
a:emit("x")
o.log("again")
a:emit("x")

o.run()
