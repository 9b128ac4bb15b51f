-- abort closes: bound, binding, unbound; 'close' comes later.
local o = require "spec.oracle.log"

for _, when in ipairs { "bound", "binding", "unbound" } do
  local controller = o.AbortController()
  local a = o.socket(when, { type = "udp4", signal = controller.signal })
  if when == "binding" then a:bind(0) end
  if when == "bound" then a:bind(0, function() controller.abort() end)
  else controller.abort() end
  o.log("after abort", controller.signal.aborted)
end

o.run()
