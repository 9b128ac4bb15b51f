-- Sends before the bind is done wait for it and keep their order.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  o.messages(r, 3, function() r:close() a:close() end)
  a:bind(0, "127.0.0.1", function() o.log("bound") end)
  for _, text in ipairs { "one", "two", "three" } do
    a:send(text, port, "127.0.0.1", o.done(text))
  end
  o.log("after send")
end)

o.run()
