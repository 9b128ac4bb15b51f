-- createSocket by type or options; a listener is for 'message'.
local o = require "spec.oracle.log"

local function listener() end
for _, kind in ipairs { "udp4", "udp6" } do
  local a = o.bare("a", kind, listener)
  o.log(kind, a:listenerCount("message"), #a:listeners("message"))
  local b = o.bare("b", { type = kind }, listener)
  o.log(kind, b:listenerCount("message"))
  o.log(kind, o.bare("c", kind, "no function"):listenerCount("message"))
end

o.run()
