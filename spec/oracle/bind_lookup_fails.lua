-- A name that does not resolve: unbound again, then 'error'.
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4", lookup = o.lookup { no = "fails" } })
a:on("error", function()
  a:bind(0, "127.0.0.1", function() o.log("bound", a:address()) a:close() end)
end)
a:bind(0, "no", function() o.log("never") end)

o.run()
