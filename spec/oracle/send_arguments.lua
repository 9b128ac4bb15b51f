-- Wrong arguments of send, and the order of the checks.
-- differs: A table in the place of an address is the options of `send`
-- after: send('x', 0, 1, <a>, true) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"address\" argument must be of type string. Received type boolean
--     (true)"
--   Node: send('x', <a>, []) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"address\" argument must be of type string. Received a table"
--   Node: send('x', 0, 1, <a>, []) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"address\" argument must be of type string. Received a table"
--   ours: send('x', <a>, []) -> true
--   ours: send('x', 0, 1, <a>, []) -> true
-- after: send('x', 0, 5) throws RangeError ERR_SOCKET_BAD_PORT "Port should be
--     > 0 and < 65536. Received type number (0)."
--   Node: a message 'still good' {address: '127.0.0.1', family: 'IPv4', port:
--     <a>, size: 10}
--   ours: a message 'x' {address: '127.0.0.1', family: 'IPv4', port: <a>, size:
--     1}
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  o.call(a, "send")
  o.call(a, "send", "x")
  local messages = { nil, 5, true, { "x", 5 }, { {} } }
  for i = 1, 5 do o.call(a, "send", messages[i], port) end
  for _, bad in ipairs { 0, -1, 65536, 1.5, "x", "", true, "65536" } do
    o.call(a, "send", "x", bad)
  end
  for _, address in ipairs { 5, true, {} } do
    o.call(a, "send", "x", port, address)
    o.call(a, "send", "x", 0, 1, port, address)
  end
  o.call(a, "send", 5, 0, 5)
  o.call(a, "send", "x", 0, 5)
  o.messages(a, 1, function() a:close() end)
  a:send("still good", port)
end)

o.run()
