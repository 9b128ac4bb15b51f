-- Wrong arguments of connect; it can be called again.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
local ports = { nil, nil, 0, -1, 65536, 1.5, "x", "", true }
for i = 1, 9 do o.call(a, "connect", ports[i]) end
for _, address in ipairs { 5, true, {} } do
  o.call(a, "connect", 9, address)
end
o.call(a, "connect", 0, 5)
a:connect("9", "127.0.0.1", function()
  o.call(a, "remoteAddress")
  o.call(a, "connect", 0)
  a:close()
end)

o.run()
