-- A hundred datagrams: all callbacks and messages, in order.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  local sent, got = {}, {}
  a:removeAllListeners("message")
  a:on("message", function(msg) got[#got + 1] = msg end)
  o.messages(a, 100, function()
    o.log("sent", table.concat(sent, " "))
    o.log("equal", table.concat(sent) == table.concat(got), got[1], got[100])
    a:close()
  end)
  for i = 1, 100 do
    local text = "number " .. i
    a:send(text, port, function() sent[#sent + 1] = text end)
  end
end)

o.run()
