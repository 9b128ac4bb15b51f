-- An argument that is no function is ignored.
local o = require "spec.oracle.log"

local values = { nil, 5, "x", {} }
for i = 1, 4 do
  local a = o.socket("a", "udp4")
  o.call(a, "close", values[i])
end

o.run()
