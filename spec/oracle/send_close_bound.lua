-- The same of a socket that is bound already.
-- differs: `close` carries out what `send` accepted
-- after: a listening
--   ours: sent 5
-- after: a close
--   ours: r message 'hello' {address: '127.0.0.1', family: 'IPv4', port: <a>,
--     size: 5}
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  o.bound("a", "udp4", function(a)
    a:send("hello", port, "127.0.0.1", o.done("sent"))
    a:close(function() o.after(20, function() r:close() end) end)
  end)
end)

o.run()
