-- A send to a name that is followed by close.
-- differs: `close` takes effect at once
-- differs: `close` carries out what `send` accepted
-- after: lookup '127.0.0.1' 4
--   Node: a listening
-- after: lookup 'h' 4
--   ours: sent 5
-- after: a close
--   ours: r message 'hello' {address: '127.0.0.1', family: 'IPv4', port:
--     <port>, size: 5}
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local lookup = o.lookup { h = "127.0.0.1" }
  local a = o.socket("a", { type = "udp4", lookup = lookup })
  a:bind(0, "127.0.0.1")
  a:send("hello", port, "h", o.done("sent"))
  a:close(function() o.after(20, function() r:close() end) end)
end)

o.run()
