-- A group of IPv6 on a udp4 socket.
-- differs: A multicast group of the other family is EINVAL
-- after: a listening
--   Node: addMembership('ff02::1234') throws Error ENOPROTOOPT "addMembership
--     ENOPROTOOPT" syscall=addMembership errno=-92
--   Node: dropMembership('ff02::1234') throws Error ENOPROTOOPT "dropMembership
--     ENOPROTOOPT" syscall=dropMembership errno=-92
--   ours: addMembership('ff02::1234') throws Error EINVAL "addMembership
--     EINVAL" syscall=addMembership errno=-22
--   ours: dropMembership('ff02::1234') throws Error EINVAL "dropMembership
--     EINVAL" syscall=dropMembership errno=-22
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  o.call(a, "addMembership", "ff02::1234")
  o.call(a, "dropMembership", "ff02::1234")
  a:close()
end)

o.run()
