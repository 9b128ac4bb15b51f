-- A newListener listener that adds to the same event.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:once("newListener", function(name)
  if name == "x" then a:on("x", function() o.log("b") end) end
end)
a:on("x", function() o.log("a") end)
a:emit("x")

o.run()
