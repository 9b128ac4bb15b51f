-- A send to a name that is followed by close.
-- differs: `close` takes effect at once
-- 3< a listening
-- differs: `close` carries out what `send` accepted
-- 5> sent 5
-- 6> r message 'hello' {address: '127.0.0.1', family: 'IPv4', port: <port>,
-- \ size: 5}
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local lookup = o.lookup { h = "127.0.0.1" }
  local a = o.socket("a", { type = "udp4", lookup = lookup })
  a:bind(0, "127.0.0.1")
  a:send("hello", port, "h", o.done("sent"))
  a:close(function() o.after(20, function() r:close() end) end)
end)

o.run()
