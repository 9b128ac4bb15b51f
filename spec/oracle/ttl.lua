-- Ranges, types and results of setTTL and setMulticastTTL.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  local values = { 1, 64, 255, 0, 256, -1, "x", true, nil }
  for i = 1, 9 do
    o.call(a, "setTTL", values[i])
    o.call(a, "setMulticastTTL", values[i])
  end
  a:close()
end)

o.run()
