-- Closed while its name is looked up: no bind, no error.
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4",
  lookup = o.lookup { h = "127.0.0.1" } })
a:bind(0, "h", function() o.log("never") end)
a:close()
local b = o.socket("b", { type = "udp4", lookup = o.lookup { no = "fails" } })
b:bind(0, "no")
b:close()

o.run()
