-- An IPv6 zone that does not exist.
-- differs: An unknown multicast interface is an error
-- 2< addMembership('ff02::1234', '::%nosuch0') -> nil
-- 3< setMulticastInterface('::%nosuch0') -> nil
-- 4> addMembership('ff02::1234', '::%nosuch0') throws Error ENODEV
-- \ "addMembership ENODEV" syscall=addMembership errno=-19
-- 4> setMulticastInterface('::%nosuch0') throws Error EADDRNOTAVAIL
-- \ "setMulticastInterface EADDRNOTAVAIL" syscall=setMulticastInterface
-- \ errno=-99
local o = require "spec.oracle.log"

o.bound("a", "udp6", function(a)
  o.call(a, "addMembership", "ff02::1234", "::%nosuch0")
  o.call(a, "setMulticastInterface", "::%nosuch0")
  a:close()
end)

o.run()
