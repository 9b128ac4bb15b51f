-- close inside of 'message': what has arrived is dropped.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  o.bound("b", "udp4", function(b)
    a:on("message", function() a:close() end)
    a:on("message", function(msg) o.log("second listener", msg) end)
    b:send("one", port)
    b:send("two", port)
    b:send("three", port)
    a:on("close", function() b:close() end)
  end)
end)

o.run()
