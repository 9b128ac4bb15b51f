-- Membership of a udp6 socket.
-- needs: IPv6
-- differs: A multicast interface has an address, a name or an index
-- after: setMulticastInterface('::%lo') -> nil
--   Node: setMulticastInterface('x') throws Error EINVAL "setMulticastInterface
--     EINVAL" syscall=setMulticastInterface errno=-22
--   ours: setMulticastInterface('x') throws Error EADDRNOTAVAIL
--     "setMulticastInterface EADDRNOTAVAIL" syscall=setMulticastInterface
--     errno=-99
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
