-- bindSync throws what bind emits, and can be called again.
local o = require "spec.oracle.log"

local a, b = o.socket("a", "udp4"), o.socket("b", "udp4")
local taken = a:bindSync { address = "127.0.0.1" }
o.attempt("taken", function() return b:bindSync(taken) end)
o.attempt("not ours", function()
  return b:bindSync { address = "203.0.113.1" }
end)
o.attempt("again", function() return b:bindSync { address = "127.0.0.1" } end)
o.call(b, "bindSync")
o.call(b, "bind")
a:close()
b:close()
o.call(b, "bindSync")

o.run()
