-- send(message, port) on a connected socket.
-- differs: A connected socket takes no port in any form of `send`
-- after: a connect
--   Node: port -> nil
--   Node: address -> nil
--   Node: r message 'x' {address: '127.0.0.1', family: 'IPv4', port: <a>, size:
--     1}
--   Node: r message 'x' {address: '127.0.0.1', family: 'IPv4', port: <a>, size:
--     1}
--   ours: port throws Error ERR_SOCKET_DGRAM_IS_CONNECTED "Already connected"
--   ours: address throws Error ERR_SOCKET_DGRAM_IS_CONNECTED "Already
--     connected"
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:connect(port, "127.0.0.1", function()
    o.attempt("port", function() a:send("x", port) end)
    o.attempt("address", function() a:send("x", port, "127.0.0.1") end)
    a:send("good", function()
      o.after(20, function() a:close() r:close() end)
    end)
  end)
end)

o.run()
