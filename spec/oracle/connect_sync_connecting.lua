-- connectSync while a connect is in progress.
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4",
  lookup = o.lookup { h = "127.0.0.1" } })
a:bindSync { address = "127.0.0.1" }
a:connect(9, "h", function() a:close() end)
o.call(a, "connectSync", 9, "127.0.0.1")

o.run()
