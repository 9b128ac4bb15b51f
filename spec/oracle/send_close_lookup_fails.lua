-- A name that fails when the socket is closed already.
-- differs: `close` carries out what `send` accepted
-- after: lookup 'no' 4
--   Node: a close
-- after: sent Error - "no such host"
--   ours: a close
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4", lookup = o.lookup { no = "fails" } })
a:bind(0, "127.0.0.1", function()
  a:send("hello", 9, "no", o.done("sent"))
  a:close()
end)

o.run()
