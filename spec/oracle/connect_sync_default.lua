-- connectSync connects to the own host when no address is given.
-- needs: IPv6
local o = require "spec.oracle.log"
local unpack = table.unpack or unpack

for _, kind in ipairs { "udp4", "udp6" } do
  for _, address in ipairs { { n = 0 }, { n = 1 }, { "", n = 1 } } do
    local a = o.bare("a", kind)
    o.call(a, "connectSync", "9", unpack(address, 1, address.n))
    o.call(a, "remoteAddress")
    a:close()
  end
end

o.run()
