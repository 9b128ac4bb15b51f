-- on, once and the prepending forms; emit's arguments and result.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local function say(name) return function(...) o.log(name, ...) end end
a:on("x", say("on")):once("x", say("once"))
a:prependListener("x", say("prepend"))
a:prependOnceListener("x", say("prependOnce"))
a:addListener("x", say("addListener"))
o.call(a, "emit", "x", 1, nil, "two")
o.call(a, "emit", "x")
o.call(a, "emit", "y")
o.call(a, "listenerCount", "x")
o.call(a, "listenerCount", "y")

o.run()
