-- A listener that is no function.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
for _, method in ipairs { "on", "addListener", "once", "prependListener",
  "prependOnceListener", "off", "removeListener" } do
  o.call(a, method, "x")
  o.call(a, method, "x", 5)
end
o.call(a, "on", "x", "text")

o.run()
