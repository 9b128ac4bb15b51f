-- Subnets of every kind, ranges of one, a family that differs.
local o = require "spec.oracle.log"

local list = o.BlockList()
o.call(list, "addSubnet", "203.0.113.77", 32)
o.call(list, "addRange", "192.0.2.5", "192.0.2.5")
o.call(list, "addSubnet", "10.1.2.3", 9)
for _, address in ipairs { "203.0.113.77", "203.0.113.78", "192.0.2.5",
  "192.0.2.6", "10.127.255.255", "10.128.0.0", "no address", "" } do
  o.call(list, "check", address)
end
o.call(list, "check", "192.0.2.5", "ipv6")
o.call(list, "check", "::ffff:c000:205", "ipv6")
-- A rule for IPv6 holds for IPv4 by its mapped address: ::/1 has 128.0.0.1.
local all = o.BlockList()
o.call(all, "addSubnet", "1.2.3.4", 1)
o.call(all, "addSubnet", "::", 1, "ipv6")
for _, pair in ipairs { { "127.0.0.1", "ipv4" }, { "128.0.0.1", "ipv4" },
  { "7fff::", "ipv6" }, { "8000::", "ipv6" } } do
  o.call(all, "check", pair[1], pair[2])
end
-- A range for IPv6 holds for IPv4 only if both its ends are mapped addresses.
local ranges = o.BlockList()
o.call(ranges, "addRange", "::", "::ffff:1.2.3.4", "ipv6")
o.call(ranges, "check", "1.2.3.4", "ipv4")
o.call(ranges, "check", "::ffff:1.2.3.4", "ipv6")
o.call(ranges, "addRange", "::ffff:1.2.3.4", "::ffff:1.2.3.5", "ipv6")
o.call(ranges, "check", "1.2.3.4", "ipv4")
o.call(ranges, "check", "1.2.3.6", "ipv4")

o.run()
