-- Sends while the socket is still connecting.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:connect(port, "127.0.0.1", function() o.log("connected") end)
  o.attempt("no port", function() a:send("x") end)
  a:send("early", port, "127.0.0.1", function(...)
    o.log("early", ...)
    o.after(20, function() a:close() r:close() end)
  end)
end)

o.run()
