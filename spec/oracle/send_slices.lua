-- send with offset and length, up to the edges.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  o.messages(a, 5, function() a:close() end)
  a:send("hello", 0, 5, port, "127.0.0.1", o.done("whole"))
  a:send("hello", 1, 3, port, "127.0.0.1", o.done("middle"))
  a:send("hello", 5, 0, port, "127.0.0.1", o.done("end"))
  a:send("hello", 0, 0, port, o.done("none"))
  a:send("hello", 4, 1, port)
end)

o.run()
