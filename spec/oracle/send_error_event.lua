-- A send that fails and has no callback.
-- differs: A failed send without a callback is an `'error'`
-- after: a listening
--   ours: a error Error EMSGSIZE "send EMSGSIZE 127.0.0.1:<a>" syscall=send
--     errno=-90 address=127.0.0.1 port=<a>
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  a:send(("x"):rep(65508), port)
  a:send("x", port)
  a:on("message", function() a:close() end)
end)

o.run()
