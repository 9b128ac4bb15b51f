-- A send to a name that fails later has the name in its error.
-- differs: The error of a send has the address it was sent to
-- after: lookup 'here' 4
--   Node: sent Error EMSGSIZE "send EMSGSIZE here:9" syscall=send errno=-90
--     address=here port=9
--   ours: sent Error EMSGSIZE "send EMSGSIZE 127.0.0.1:9" syscall=send
--     errno=-90 address=127.0.0.1 port=9
local o = require "spec.oracle.log"

local lookup = o.lookup { here = "127.0.0.1" }
local a = o.socket("a", { type = "udp4", lookup = lookup })
a:bind(0, "127.0.0.1", function()
  a:send(("x"):rep(65508), 9, "here", function(err)
    o.log("sent", err)
    a:close()
  end)
end)

o.run()
