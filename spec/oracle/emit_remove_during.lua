-- Listeners that are removed while the event is emitted.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local function third() o.log("third") end
local function first()
  o.log("first")
  a:off("x", first):off("x", third)
end
a:on("x", first):on("x", function() o.log("second") end):on("x", third)
a:emit("x")
o.log("count", a:listenerCount("x"))
a:emit("x")
a:on("y", function() a:removeAllListeners("y") o.log("y one") end)
a:on("y", function() o.log("y two") end)
a:emit("y")
o.call(a, "emit", "y")

o.run()
