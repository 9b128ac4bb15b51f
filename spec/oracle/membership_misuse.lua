-- addMembership and dropMembership: what is refused.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  for _, method in ipairs { "addMembership", "dropMembership" } do
    o.call(a, method)
    o.call(a, method, "")
    o.call(a, method, "no address")
    o.call(a, method, "127.0.0.1", "127.0.0.1")
  end
  o.call(a, "dropMembership", "239.1.2.3", "127.0.0.1")
  o.call(a, "addMembership", "239.1.2.3", "127.0.0.1")
  o.call(a, "addMembership", "239.1.2.3", "127.0.0.1")
  o.call(a, "dropMembership", "239.1.2.3", "127.0.0.1")
  o.call(a, "dropMembership", "239.1.2.3", "127.0.0.1")
  a:close()
end)

o.run()
