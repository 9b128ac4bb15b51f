-- A udp6 socket hears udp4 senders by mapped addresses.
local o = require "spec.oracle.log"

local six = o.socket("six", "udp6")
six:bind(0, function()
  local four = o.socket("four", "udp4")
  four:send("hello", six:address().port, "127.0.0.1", o.done("sent"))
  six:on("message", function() six:close() four:close() end)
end)

o.run()
