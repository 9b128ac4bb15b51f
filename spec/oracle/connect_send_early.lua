-- Sends while the socket is still connecting.
-- differs: A bind to a literal address takes effect at once
-- after: connected
--   Node: early Error EISCONN "send EISCONN 127.0.0.1:<r>" syscall=send
--     errno=-106 address=127.0.0.1 port=<r>
--   ours: early nil 5
--   ours: r message 'early' {address: '127.0.0.1', family: 'IPv4', port: <a>,
--     size: 5}
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:connect(port, "127.0.0.1", function() o.log("connected") end)
  o.attempt("no port", function() a:send("x") end)
  a:send("early", port, "127.0.0.1", function(...)
    o.log("early", ...)
    o.after(20, function() a:close() r:close() end)
  end)
end)

o.run()
