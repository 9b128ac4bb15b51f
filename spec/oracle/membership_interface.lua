-- An interface that does not exist.
-- needs: IPv6
-- differs: A multicast interface has an address, a name or an index
-- after: addMembership('239.1.2.3', '203.0.113.1') throws Error ENODEV
--     "addMembership ENODEV" syscall=addMembership errno=-19
--   Node: addMembership('239.1.2.3', 'nosuch0') throws Error EINVAL
--     "addMembership EINVAL" syscall=addMembership errno=-22
--   Node: addMembership('239.1.2.3', '::1') throws Error EINVAL "addMembership
--     EINVAL" syscall=addMembership errno=-22
--   ours: addMembership('239.1.2.3', 'nosuch0') throws Error ENODEV
--     "addMembership ENODEV" syscall=addMembership errno=-19
--   ours: addMembership('239.1.2.3', '::1') -> nil
-- after: setMulticastInterface('203.0.113.1') throws Error EADDRNOTAVAIL
--     "setMulticastInterface EADDRNOTAVAIL" syscall=setMulticastInterface
--     errno=-99
--   Node: setMulticastInterface('nosuch0') throws Error EINVAL
--     "setMulticastInterface EINVAL" syscall=setMulticastInterface errno=-22
--   Node: setMulticastInterface('::1') throws Error ENOPROTOOPT
--     "setMulticastInterface ENOPROTOOPT" syscall=setMulticastInterface
--     errno=-92
--   Node: setMulticastInterface() throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"interfaceAddress\" argument must be of type string. Received nil"
--   Node: setMulticastInterface(5) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"interfaceAddress\" argument must be of type string. Received type
--     number (5)"
--   ours: setMulticastInterface('nosuch0') throws Error EADDRNOTAVAIL
--     "setMulticastInterface EADDRNOTAVAIL" syscall=setMulticastInterface
--     errno=-99
--   ours: setMulticastInterface('::1') -> nil
--   ours: setMulticastInterface() throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"multicastInterface\" argument must be of type string. Received nil"
--   ours: setMulticastInterface(5) throws Error EADDRNOTAVAIL
--     "setMulticastInterface EADDRNOTAVAIL" syscall=setMulticastInterface
--     errno=-99
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
