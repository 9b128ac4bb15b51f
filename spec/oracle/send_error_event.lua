-- A send that fails and has no callback.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  a:send(("x"):rep(65508), port)
  a:send("x", port)
  a:on("message", function() a:close() end)
end)

o.run()
