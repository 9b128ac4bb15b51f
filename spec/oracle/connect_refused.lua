-- Nobody listens: the remote's answer is an 'error'.
-- differs: Errors of a connected socket name its peer
-- after: sent 1
--   Node: a error Error ECONNREFUSED "recvmsg ECONNREFUSED" syscall=recvmsg
--     errno=-111
--   ours: a error Error ECONNREFUSED "recvmsg ECONNREFUSED" syscall=recvmsg
--     errno=-111 address=127.0.0.1 port=<r>
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:on("error", function() a:close() end)
  a:connect(port, "127.0.0.1", function()
    r:close(function() a:send("x", o.done("sent")) end)
  end)
end)

o.run()
