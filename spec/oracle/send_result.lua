-- What send returns.
-- differs: `send` returns a boolean
-- after: a listening
--   Node: send('x', <a>) -> nil
--   ours: send('x', <a>) -> true
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  a:on("message", function() a:close() end)
  o.call(a, "send", "x", port)
end)

o.run()
