-- One function twice; off removes the latest.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local function same() o.log("same") end
a:on("x", same):on("x", function() o.log("between") end)
a:on("x", same):once("x", same)
a:off("x", same)
a:emit("x")
a:off("x", same):emit("x")
a:off("x", same)
o.call(a, "emit", "x")
o.call(a, "listenerCount", "x")
a:once("z", same):off("z", same)
o.call(a, "emit", "z")

o.run()
