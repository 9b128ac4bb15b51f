-- EACCES without setBroadcast, delivered with it.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, function()
  local port = a:address().port
  local b = o.socket("b", "udp4")
  a:on("message", function() a:close() b:close() end)
  b:send("no", port, "127.255.255.255", function(err)
    o.log("refused", err)
    b:setBroadcast(true)
    b:send("yes", port, "127.255.255.255")
  end)
end)

o.run()
