-- Options of a socket that is not bound.
-- differs: Options work before `bind`
-- at the start
--   Node: setTTL(5) throws Error EBADF "setTTL EBADF" syscall=setTTL errno=-9
--   Node: setBroadcast(true) throws Error EBADF "setBroadcast EBADF"
--     syscall=setBroadcast errno=-9
--   Node: setMulticastTTL(5) throws Error EBADF "setMulticastTTL EBADF"
--     syscall=setMulticastTTL errno=-9
--   Node: setMulticastLoopback(true) throws Error EBADF "setMulticastLoopback
--     EBADF" syscall=setMulticastLoopback errno=-9
--   Node: setMulticastInterface('127.0.0.1') throws Error EBADF
--     "setMulticastInterface EBADF" syscall=setMulticastInterface errno=-9
--   ours: setTTL(5) -> 5
--   ours: setBroadcast(true) -> nil
--   ours: setMulticastTTL(5) -> 5
--   ours: setMulticastLoopback(true) -> true
--   ours: setMulticastInterface('127.0.0.1') -> nil
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "setTTL", 5)
o.call(a, "setBroadcast", true)
o.call(a, "setMulticastTTL", 5)
o.call(a, "setMulticastLoopback", true)
o.call(a, "setMulticastInterface", "127.0.0.1")
o.call(a, "addMembership", "239.1.2.3", "127.0.0.1")

o.run()
