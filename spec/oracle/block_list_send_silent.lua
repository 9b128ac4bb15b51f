-- A send that a sendBlockList refuses, without a callback.
-- differs: A failed send without a callback is an `'error'`
-- after: a listening
--   ours: a error Error ERR_IP_BLOCKED "IP(127.0.0.2) is blocked by
--     net.BlockList"
local o = require "spec.oracle.log"

local list = o.BlockList()
list:addAddress("127.0.0.2")
local a = o.socket("a", { type = "udp4", sendBlockList = list })
a:bindSync { address = "127.0.0.1" }
a:send("x", 9, "127.0.0.2")
a:send("x", 9, "127.0.0.1", function() a:close() end)

o.run()
