-- Join, hear, leave; then nothing is heard any more.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, function()
  local port = a:address().port
  a:setMulticastInterface("127.0.0.1")
  a:addMembership("239.1.2.3", "127.0.0.1")
  a:send("heard", port, "239.1.2.3")
  a:once("message", function()
    a:dropMembership("239.1.2.3", "127.0.0.1")
    a:send("unheard", port, "239.1.2.3", function() a:send("end", port) end)
    a:on("message", function() a:close() end)
  end)
end)

o.run()
