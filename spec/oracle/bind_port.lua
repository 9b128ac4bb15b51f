-- bind(port): the default address, and 'listening' after the return.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.log("bind", a:bind(0))
o.log("after bind")
a:on("listening", function()
  o.log("address", a:address())
  o.log("close", a:close())
end)

o.run()
