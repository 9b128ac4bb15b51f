-- A second connect: while connecting, and when connected.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:connect(9, "127.0.0.1", function()
  o.call(a, "connect", 9)
  a:close()
end)
o.call(a, "connect", 9)
o.call(a, "remoteAddress")
o.call(a, "disconnect")

o.run()
