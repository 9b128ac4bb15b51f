-- A name that does not resolve: callback, or 'error'.
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4", lookup = o.lookup { no = "fails" } })
a:bind(0, "127.0.0.1", function()
  a:send("x", 9, "no", function(err)
    o.log("callback", err)
    a:send("x", 9, "no")
  end)
end)
a:on("error", function() a:close() end)

o.run()
