-- A second bind throws: while binding, when bound, after close.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, "127.0.0.1", function()
  o.call(a, "bind", 0)
  a:close(function() o.call(a, "bind", 0) end)
end)
o.call(a, "bind", 0, function() o.log("never") end)

o.run()
