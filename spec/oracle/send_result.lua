-- What send returns.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  a:on("message", function() a:close() end)
  o.call(a, "send", "x", port)
end)

o.run()
