-- A bind callback and no 'error' listener.
-- differs: A callback of `bind` hides no error
-- 2< exit
-- 3< ended well
-- 4> uncaught Error: bind EADDRNOTAVAIL 203.0.113.1
-- 4> ended badly
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:bind(0, "203.0.113.1", function() o.log("never") end)
o.log("after bind")

o.run()
