-- An IPv6 zone that does not exist.
-- needs: a route for IPv6 multicast
-- differs: An unknown multicast interface is an error
-- after: a listening
--   Node: addMembership('ff02::1234', '::%nosuch0') -> nil
--   Node: setMulticastInterface('::%nosuch0') -> nil
--   ours: addMembership('ff02::1234', '::%nosuch0') throws Error ENODEV
--     "addMembership ENODEV" syscall=addMembership errno=-19
--   ours: setMulticastInterface('::%nosuch0') throws Error EADDRNOTAVAIL
--     "setMulticastInterface EADDRNOTAVAIL" syscall=setMulticastInterface
--     errno=-99
local o = require "spec.oracle.log"

o.bound("a", "udp6", function(a)
  o.call(a, "addMembership", "ff02::1234", "::%nosuch0")
  o.call(a, "setMulticastInterface", "::%nosuch0")
  a:close()
end)

o.run()
