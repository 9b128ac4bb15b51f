-- Wrong arguments of a block list.
local o = require "spec.oracle.log"

local list = o.BlockList()
o.call(list, "addAddress")
o.call(list, "addAddress", 5)
o.call(list, "addAddress", "no address")
o.call(list, "addAddress", "::1")
o.call(list, "addAddress", "127.0.0.1", "ipv5")
o.call(list, "addRange", "127.0.0.1")
o.call(list, "addSubnet", "127.0.0.1")
o.call(list, "addSubnet", "127.0.0.1", 33)
o.call(list, "addSubnet", "127.0.0.1", -1)
o.call(list, "addSubnet", "::1", 129, "ipv6")
o.call(list, "addSubnet", "127.0.0.1", "x")
o.call(list, "check")
o.call(list, "check", 5)

o.run()
