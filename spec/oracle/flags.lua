-- Results of setBroadcast and setMulticastLoopback; any value is a flag.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  local flags = { true, false, 1, "x", nil }
  for i = 1, 5 do
    o.call(a, "setBroadcast", flags[i])
    o.call(a, "setMulticastLoopback", flags[i])
  end
  a:close()
end)

o.run()
