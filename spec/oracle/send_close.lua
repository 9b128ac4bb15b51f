-- A send that is followed by close arrives.
-- differs: `close` takes effect at once
-- differs: `close` carries out what `send` accepted
-- after: after close
--   Node: a listening
--   ours: sent 5
-- after: a close
--   ours: r message 'hello' {address: '127.0.0.1', family: 'IPv4', port:
--     <port>, size: 5}
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:send("hello", port, "127.0.0.1", o.done("sent"))
  o.call(a, "close", function() o.after(20, function() r:close() end) end)
  o.log("after close")
end)

o.run()
