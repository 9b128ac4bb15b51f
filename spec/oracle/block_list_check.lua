-- addAddress, addRange, addSubnet and check.
local o = require "spec.oracle.log"

local list = o.BlockList()
o.call(list, "addAddress", "192.0.2.1")
o.call(list, "addRange", "192.0.2.10", "192.0.2.20")
o.call(list, "addSubnet", "198.51.100.0", 24)
o.call(list, "addAddress", "2001:db8::1", "ipv6")
o.call(list, "addRange", "2001:db8::10", "2001:db8::20", "ipv6")
o.call(list, "addSubnet", "2001:db8:1::", 48, "ipv6")
for _, address in ipairs { "192.0.2.1", "192.0.2.2", "192.0.2.10",
  "192.0.2.20", "192.0.2.21", "198.51.100.255", "198.51.101.0" } do
  o.call(list, "check", address)
end
for _, address in ipairs { "2001:db8::1", "2001:db8::2", "2001:db8::1f",
  "2001:db8:1:2::3", "2001:db8:2::", "::ffff:192.0.2.1", "::ffff:192.0.2.2" }
do
  o.call(list, "check", address, "ipv6")
end

o.run()
