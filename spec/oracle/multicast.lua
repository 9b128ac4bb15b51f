-- Join, hear, leave; then nothing is heard any more.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, function()
  local port, group = a:address().port, o.ownGroup()
  a:setMulticastInterface("127.0.0.1")
  a:addMembership(group, "127.0.0.1")
  a:send("heard", port, group)
  a:once("message", function()
    a:dropMembership(group, "127.0.0.1")
    a:send("unheard", port, group, function() a:send("end", port) end)
    a:on("message", function() a:close() end)
  end)
end)

o.run()
