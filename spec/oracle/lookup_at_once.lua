-- A resolver that answers before it returns.
local o = require "spec.oracle.log"

local function lookup(_, _, callback) callback(nil, "127.0.0.1", 4) end
local a = o.socket("a", { type = "udp4", lookup = lookup })
a:bind(0, "h", function()
  o.log("address", a:address())
  a:send("x", a:address().port, "h", o.done("sent"))
  o.log("after send")
  a:on("message", function() a:close() end)
end)

o.run()
