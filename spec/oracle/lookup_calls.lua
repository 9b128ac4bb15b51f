-- How often and with what a resolver is asked, connected or not.
-- needs: IPv6
local o = require "spec.oracle.log"

o.bound("r", "udp6", function(r, port)
  local a = o.socket("a", { type = "udp6", lookup = o.lookup { h = "::1" } })
  a:bind(0, "h", function() a:send("one", port, "h") end)
  r:once("message", function()
    a:connect(port, "h", function() a:send("two") end)
  end)
  o.messages(r, 2, function() a:close() r:close() end)
end)

o.run()
