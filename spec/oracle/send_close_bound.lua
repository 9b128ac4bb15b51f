-- The same of a socket that is bound already.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  o.bound("a", "udp4", function(a)
    a:send("hello", port, "127.0.0.1", o.done("sent"))
    a:close(function() o.after(20, function() r:close() end) end)
  end)
end)

o.run()
