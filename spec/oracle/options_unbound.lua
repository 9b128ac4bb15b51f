-- Options of a socket that is not bound.
-- differs: Options work before `bind`
-- 1< setTTL(5) throws Error EBADF "setTTL EBADF" syscall=setTTL errno=-9
-- 2< setBroadcast(true) throws Error EBADF "setBroadcast EBADF"
-- \ syscall=setBroadcast errno=-9
-- 3< setMulticastTTL(5) throws Error EBADF "setMulticastTTL EBADF"
-- \ syscall=setMulticastTTL errno=-9
-- 4< setMulticastLoopback(true) throws Error EBADF "setMulticastLoopback EBADF"
-- \ syscall=setMulticastLoopback errno=-9
-- 5< setMulticastInterface('127.0.0.1') throws Error EBADF
-- \ "setMulticastInterface EBADF" syscall=setMulticastInterface errno=-9
-- 6> setTTL(5) -> 5
-- 6> setBroadcast(true) -> nil
-- 6> setMulticastTTL(5) -> 5
-- 6> setMulticastLoopback(true) -> true
-- 6> setMulticastInterface('127.0.0.1') -> nil
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "setTTL", 5)
o.call(a, "setBroadcast", true)
o.call(a, "setMulticastTTL", 5)
o.call(a, "setMulticastLoopback", true)
o.call(a, "setMulticastInterface", "127.0.0.1")
o.call(a, "addMembership", "239.1.2.3", "127.0.0.1")

o.run()
