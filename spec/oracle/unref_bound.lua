-- unref: before bind, after bind, and ref again.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:unref()
a:bind(0, function()
  local b = o.socket("b", "udp4")
  b:bind(0, function()
    o.call(b, "unref")
    o.after(20, function() o.log("never") end):unref()
  end)
end)

o.run()
