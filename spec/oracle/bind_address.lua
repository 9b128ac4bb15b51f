-- bind(port, address, callback): the callback is a listener.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, "127.0.0.1", function(...)
  o.log("callback", select("#", ...), a:address())
  o.log("listeners", a:listenerCount("listening"))
  a:close()
end)
a:on("listening", function() o.log("later listener") end)
o.log("listeners", a:listenerCount("listening"))

o.run()
