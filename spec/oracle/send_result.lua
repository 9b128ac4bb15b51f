-- What send returns.
-- differs: `send` returns a boolean
-- 2< send('x', <a>) -> nil
-- 3> send('x', <a>) -> true
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  a:on("message", function() a:close() end)
  o.call(a, "send", "x", port)
end)

o.run()
