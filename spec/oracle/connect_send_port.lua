-- send(message, port) on a connected socket.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:connect(port, "127.0.0.1", function()
    o.attempt("port", function() a:send("x", port) end)
    o.attempt("address", function() a:send("x", port, "127.0.0.1") end)
    a:send("good", function()
      o.after(20, function() a:close() r:close() end)
    end)
  end)
end)

o.run()
