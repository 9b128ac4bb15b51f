-- Without a callback: the event alone tells.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:on("connect", function()
    o.log("listeners", a:listenerCount("connect"))
    a:close()
    r:close()
  end)
  a:connect(port)
end)

o.run()
