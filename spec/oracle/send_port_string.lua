-- A port may be a numeric string.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  o.messages(a, 2, function() a:close() end)
  a:send("text", tostring(port), o.done("sent"))
  a:send("text", 0, 2, tostring(port), "127.0.0.1", o.done("sent"))
end)

o.run()
