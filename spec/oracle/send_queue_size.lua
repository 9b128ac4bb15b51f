-- getSendQueueSize and getSendQueueCount.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "getSendQueueSize")
o.call(a, "getSendQueueCount")
a:send("hello", 9, "127.0.0.1", function()
  o.call(a, "getSendQueueSize")
  o.call(a, "getSendQueueCount")
  a:close()
end)

o.run()
