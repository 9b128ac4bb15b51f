-- An IPv6 zone that does not exist.
local o = require "spec.oracle.log"

o.bound("a", "udp6", function(a)
  o.call(a, "addMembership", "ff02::1234", "::%nosuch0")
  o.call(a, "setMulticastInterface", "::%nosuch0")
  a:close()
end)

o.run()
