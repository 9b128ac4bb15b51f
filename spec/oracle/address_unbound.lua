-- address() before any bind, and after a send has bound.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "address")
a:send("x", 9, "127.0.0.1", function()
  o.log("family", a:address().family, a:address().address)
  a:close()
end)
local b = o.socket("b", "udp6")
o.call(b, "address")

o.run()
