-- The error of a send has the address as it was given.
-- differs: The error of a send has the address it was sent to
-- after: address Error EMSGSIZE "send EMSGSIZE 127.0.0.1:<a>" syscall=send
--     errno=-90 address=127.0.0.1 port=<a>
--   Node: default Error EMSGSIZE "send EMSGSIZE undefined:<a>" syscall=send
--     errno=-90 port=<a>
--   ours: default Error EMSGSIZE "send EMSGSIZE 127.0.0.1:<a>" syscall=send
--     errno=-90 address=127.0.0.1 port=<a>
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  local big = ("x"):rep(65508)
  a:send(big, port, "127.0.0.1", function(err)
    o.log("address", err)
    a:send(big, port, function(err2) o.log("default", err2) a:close() end)
  end)
end)

o.run()
