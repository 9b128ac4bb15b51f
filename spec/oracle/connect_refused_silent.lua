-- The same without an 'error' listener.
-- differs: Nothing from the network ends a process
-- after: r close
--   Node: uncaught Error: recvmsg ECONNREFUSED
--   Node: ended badly
--   ours: exit
--   ours: ended well
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.bare("a", "udp4")
  a:connect(port, "127.0.0.1", function()
    r:close(function()
      a:send("x", function() o.after(20, function() a:close() end) end)
    end)
  end)
end)

o.run()
