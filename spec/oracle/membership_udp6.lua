-- Membership of a udp6 socket.
local o = require "spec.oracle.log"

o.bound("a", "udp6", function(a)
  o.call(a, "addMembership", "ff02::1234", "::%lo")
  o.call(a, "addMembership", "ff02::1234", "::%lo")
  o.call(a, "dropMembership", "ff02::1234", "::%lo")
  o.call(a, "dropMembership", "ff02::1234", "::%lo")
  o.call(a, "addMembership", "::1", "::%lo")
  o.call(a, "addMembership", "239.1.2.3", "::%lo")
  o.call(a, "setMulticastInterface", "::%lo")
  o.call(a, "setMulticastInterface", "x")
  a:close()
end)

o.run()
