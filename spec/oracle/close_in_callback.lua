-- close inside of a send callback: the others still run.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  a:send("one", 9, "127.0.0.1", function(err, bytes)
    o.log("one", err, bytes)
    a:close()
  end)
  a:send("two", 9, "127.0.0.1", o.done("two"))
end)

o.run()
