-- The same without an 'error' listener.
-- differs: Nothing from the network ends a process
-- 3< uncaught Error: recvmsg ECONNREFUSED
-- 4< ended badly
-- 5> exit
-- 5> ended well
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
