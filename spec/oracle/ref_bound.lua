-- A bound socket keeps the loop alive until it is closed.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, function()
  o.after(20, function() o.log("still alive") a:close() end):unref()
end)

o.run()
