-- sendto: its checks in their order, and a datagram.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  o.call(a, "sendto")
  o.call(a, "sendto", "x", "o", "l", "p", 5)
  o.call(a, "sendto", "x", 0, "l", "p", 5)
  o.call(a, "sendto", "x", 0, 1, "p", 5)
  o.call(a, "sendto", "x", 0, 1, port, 5)
  o.call(a, "sendto", "x", 0, 1, port)
  o.call(a, "sendto", "x", 0, 2, port, "127.0.0.1")
  o.call(a, "sendto", 5, 0, 1, port, "127.0.0.1")
  o.call(a, "sendto", "x", 0, 1, 0, "127.0.0.1")
  o.messages(a, 2, function() a:close() end)
  a:sendto("hello", 1, 3, port, "127.0.0.1", o.done("sent"))
  a:sendto("hello", 0, 5, port, "127.0.0.1")
end)

o.run()
