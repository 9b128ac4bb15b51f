-- address(): right after bind, when listening, closed.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, "127.0.0.1")
o.call(a, "address")
a:on("listening", function()
  o.call(a, "address")
  a:close()
  o.call(a, "address")
end)

o.run()
