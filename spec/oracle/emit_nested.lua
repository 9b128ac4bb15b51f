-- An emit inside of an emit skips nobody; once is once.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local depth = 0
a:once("x", function() o.log("once") a:emit("x") end)
a:on("x", function()
  o.log("b")
  depth = depth + 1
  if depth == 1 then a:emit("x") end
end)
a:on("x", function() o.log("c") end)
a:emit("x")

o.run()
