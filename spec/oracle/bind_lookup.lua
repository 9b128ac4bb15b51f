-- A bind address goes to the resolver once, the default one too.
-- needs: IPv6
local o = require "spec.oracle.log"

local lookup = o.lookup { here = "127.0.0.1" }
local a = o.socket("a", { type = "udp4", lookup = lookup })
a:bind(0, "here", function() o.log("a", a:address()) a:close() end)
a:on("close", function()
  local b = o.socket("b", { type = "udp4", lookup = lookup })
  b:bind(0, function() o.log("b", b:address()) b:close() end)
  b:on("close", function()
    local c = o.socket("c", { type = "udp6", lookup = lookup })
    c:bind(0, "::1", function() o.log("c", c:address()) c:close() end)
  end)
end)

o.run()
