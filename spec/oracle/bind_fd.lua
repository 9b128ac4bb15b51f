-- A descriptor from outside (3: a bound udp socket) is adopted.
-- differs: `'listening'` never comes from inside `bind`
-- at the start
--   ours: bind <a>
-- after: callback {address: '127.0.0.1', family: 'IPv4', port: <a>}
--   Node: bind <a>
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("message", function() a:close() end)
o.log("bind", a:bind({ fd = 3 }, function()
  o.log("callback", a:address())
  local b = o.socket("b", "udp4")
  b:send("hello", a:address().port, function() b:close() end)
end))

o.run()
