-- A send that is followed by close arrives.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:send("hello", port, "127.0.0.1", o.done("sent"))
  o.call(a, "close", function() o.after(20, function() r:close() end) end)
  o.log("after close")
end)

o.run()
