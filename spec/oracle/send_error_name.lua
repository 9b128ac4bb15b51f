-- A send to a name that fails later has the name in its error.
local o = require "spec.oracle.log"

local lookup = o.lookup { here = "127.0.0.1" }
local a = o.socket("a", { type = "udp4", lookup = lookup })
a:bind(0, "127.0.0.1", function()
  a:send(("x"):rep(65508), 9, "here", function(err)
    o.log("sent", err)
    a:close()
  end)
end)

o.run()
