-- Every method that is no query returns the socket.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local function fn() end
for _, method in ipairs { "on", "addListener", "once", "prependListener",
  "prependOnceListener", "off", "removeListener" } do
  o.call(a, method, "x", fn)
end
o.call(a, "removeAllListeners", "x")
o.call(a, "removeAllListeners")
o.call(a, "off", "nothing", fn)

o.run()
