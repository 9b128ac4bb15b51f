-- remoteAddress: unbound, bound, connected, closed.
-- needs: IPv6
-- differs: A closed socket throws `Not running`
-- after: remoteAddress() throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not
--     running"
--   Node: disconnect() throws TypeError - "Cannot read properties of null
--     (reading 'disconnect')"
--   ours: disconnect() throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
local o = require "spec.oracle.log"

local a = o.socket("a", "udp6")
o.call(a, "remoteAddress")
a:bind(0, "::1", function()
  o.call(a, "remoteAddress")
  a:connect(9, function()
    o.call(a, "remoteAddress")
    a:close()
    o.call(a, "remoteAddress")
    o.call(a, "disconnect")
  end)
end)

o.run()
