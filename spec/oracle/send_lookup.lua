-- Host names go to the resolver, in order; the family is told.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local lookup = o.lookup { here = "127.0.0.1" }
  local a = o.socket("a", { type = "udp4", lookup = lookup })
  r:on("message", function() r:close() a:close() end)
  a:bind(0, "here", function()
    a:send("one", port, "here", o.done("one"))
    o.log("after send")
  end)
end)

o.run()
