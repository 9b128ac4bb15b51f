-- close right after connect of a bound socket.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  a:connect(9, "127.0.0.1")
  a:close()
end)

o.run()
