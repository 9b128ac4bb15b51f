-- The four functions of a bound socket, and bad sizes.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  o.call(a, "setRecvBufferSize", 10000)
  o.call(a, "getRecvBufferSize")
  o.call(a, "setSendBufferSize", 12000)
  o.call(a, "getSendBufferSize")
  local sizes = { -1, 1.5, 0 / 0, 1 / 0, 2 ^ 32, "x", true, nil }
  for i = 1, 8 do
    o.call(a, "setRecvBufferSize", sizes[i])
    o.call(a, "setSendBufferSize", sizes[i])
  end
  o.log("kept", a:getRecvBufferSize(), a:getSendBufferSize())
  a:close()
end)

o.run()
