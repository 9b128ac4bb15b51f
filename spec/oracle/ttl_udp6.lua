-- The same of a udp6 socket.
-- needs: IPv6
local o = require "spec.oracle.log"

o.bound("a", "udp6", function(a)
  for _, ttl in ipairs { 1, 255, 0, 256, -1, "x" } do
    o.call(a, "setTTL", ttl)
    o.call(a, "setMulticastTTL", ttl)
  end
  o.call(a, "setMulticastLoopback", false)
  o.call(a, "setBroadcast", true)
  a:close()
end)

o.run()
