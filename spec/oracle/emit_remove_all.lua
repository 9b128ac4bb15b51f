-- removeAllListeners tells removeListener, last added first.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local function one() end
local function two() end
a:on("x", one):on("x", two):on("y", one)
a:on("removeListener", function(name, listener)
  o.log("removed", name, listener == one)
end)
a:removeAllListeners("x")
o.log("count", a:listenerCount("x"))
a:removeAllListeners()
o.log("names", a:eventNames())

o.run()
