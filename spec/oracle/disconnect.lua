-- disconnect, then a send with a port, then another connect.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  o.call(a, "disconnect")
  a:connect(port, "127.0.0.1", function()
    o.call(a, "disconnect")
    o.call(a, "disconnect")
    o.call(a, "remoteAddress")
    o.attempt("no port", function() a:send("x") end)
    a:send("with port", port, "127.0.0.1")
  end)
  r:once("message", function()
    a:connect(port, function() a:send("again") end)
  end)
  o.messages(r, 2, function() r:close() a:close() end)
end)

o.run()
