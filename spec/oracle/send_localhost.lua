-- A host name and the system's own resolver.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  r:on("message", function() r:close() a:close() end)
  a:send("hello", port, "localhost", o.done("sent"))
end)

o.run()
