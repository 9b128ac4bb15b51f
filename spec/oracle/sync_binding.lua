-- bindSync and connectSync while a bind is in progress.
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4",
  lookup = o.lookup { h = "127.0.0.1" } })
a:bind(0, "h", function()
  o.call(a, "connectSync", 9, "127.0.0.1")
  a:close()
end)
o.call(a, "bindSync")
o.call(a, "connectSync", 9, "127.0.0.1")

o.run()
