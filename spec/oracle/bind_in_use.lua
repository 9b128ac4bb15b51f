-- EADDRINUSE is emitted; the handler may bind again.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  local b = o.socket("b", "udp4")
  b:on("error", function()
    b:bind(0, "127.0.0.1", function() o.log("bound") a:close() b:close() end)
  end)
  b:bind(port, "127.0.0.1", function() o.log("never") end)
  o.log("after bind")
end)

o.run()
