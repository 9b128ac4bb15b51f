-- A sendBlockList refuses connect and connectSync; others may be connected to.
local o = require "spec.oracle.log"

local list = o.BlockList()
list:addSubnet("127.0.0.2", 31)
local a = o.socket("a", { type = "udp4", sendBlockList = list })
o.call(a, "connectSync", 9, "127.0.0.2")
a:connect(9, "127.0.0.3", function(err)
  o.log("callback", err)
  a:connect(9, "127.0.0.2")
end)
a:once("error", function()
  o.call(a, "connectSync", 9, "127.0.0.1")
  list:addAddress("127.0.0.1")
  a:send("x", function(err)
    o.log("send", err)
    a:close()
  end)
end)

o.run()
