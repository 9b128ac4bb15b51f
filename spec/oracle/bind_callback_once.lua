-- A callback of a failed bind is not called by the next one.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  local b = o.socket("b", "udp4")
  b:once("error", function()
    b:bind(0, "127.0.0.1", function() o.log("second callback") end)
    b:on("listening", function() a:close() b:close() end)
  end)
  b:bind({ port = port, address = "127.0.0.1" }, function()
    o.log("first callback")
  end)
end)

o.run()
