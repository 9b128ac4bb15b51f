-- A listener that raises: emit raises, the rest is not called.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:on("x", function() o.log("first") end)
a:once("x", function() error("oops", 0) end)
a:on("x", function() o.log("third") end)
if not pcall(a.emit, a, "x") then o.log("raised") end
a:emit("x")

o.run()
