-- send(message, port) on a connected socket.
-- differs: A connected socket takes no port in any form of `send`
-- 4< port -> nil
-- 5< address -> nil
-- 6< r message 'x' {address: '127.0.0.1', family: 'IPv4', port: <a>, size: 1}
-- 7< r message 'x' {address: '127.0.0.1', family: 'IPv4', port: <a>, size: 1}
-- 8> port throws Error ERR_SOCKET_DGRAM_IS_CONNECTED "Already connected"
-- 8> address throws Error ERR_SOCKET_DGRAM_IS_CONNECTED "Already connected"
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
