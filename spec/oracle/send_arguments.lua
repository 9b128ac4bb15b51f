-- Wrong arguments of send, and the order of the checks.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  o.call(a, "send")
  o.call(a, "send", "x")
  local messages = { nil, 5, true, { "x", 5 }, { {} } }
  for i = 1, 5 do o.call(a, "send", messages[i], port) end
  for _, bad in ipairs { 0, -1, 65536, 1.5, "x", "", true, "65536" } do
    o.call(a, "send", "x", bad)
  end
  for _, address in ipairs { 5, true, {} } do
    o.call(a, "send", "x", port, address)
    o.call(a, "send", "x", 0, 1, port, address)
  end
  o.call(a, "send", 5, 0, 5)
  o.call(a, "send", "x", 0, 5)
  o.messages(a, 1, function() a:close() end)
  a:send("still good", port)
end)

o.run()
