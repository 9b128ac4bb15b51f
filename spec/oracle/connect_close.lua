-- Closed while connecting: no event, no error.
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4",
  lookup = o.lookup { h = "127.0.0.1" } })
a:bind(0, "h", function()
  a:connect(9, "h", o.done("never"))
  a:close()
end)

o.run()
