-- An interface that does not exist.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  o.call(a, "addMembership", "239.1.2.3", "203.0.113.1")
  o.call(a, "addMembership", "239.1.2.3", "nosuch0")
  o.call(a, "addMembership", "239.1.2.3", "::1")
  o.call(a, "setMulticastInterface", "203.0.113.1")
  o.call(a, "setMulticastInterface", "nosuch0")
  o.call(a, "setMulticastInterface", "::1")
  o.call(a, "setMulticastInterface")
  o.call(a, "setMulticastInterface", 5)
  o.call(a, "setMulticastInterface", "127.0.0.1")
  o.call(a, "setMulticastInterface", "0.0.0.0")
  a:close()
  o.call(a, "setMulticastInterface", 5)
end)

o.run()
