-- The same without an 'error' listener ends nobody.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:bind(0, "127.0.0.1", function()
  local port = a:address().port
  a:send(("x"):rep(65508), port)
  a:send("x", port)
end)
a:on("message", function(msg) o.log("message", msg) a:close() end)

o.run()
