-- Source-specific membership: types, misuse, order of checks.
-- needs: memberships of one source
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a)
  for _, kind in ipairs { "add", "drop" } do
    local method = kind .. "SourceSpecificMembership"
    o.call(a, method)
    o.call(a, method, 5, 6)
    o.call(a, method, "127.0.0.1")
    o.call(a, method, "127.0.0.1", 5)
    o.call(a, method, "x", "232.1.1.1", "127.0.0.1")
    o.call(a, method, "127.0.0.1", "x", "127.0.0.1")
    o.call(a, method, "127.0.0.1", "232.1.1.1", "127.0.0.1")
    o.call(a, method, "127.0.0.1", "232.1.1.1", "127.0.0.1")
  end
  a:close()
  o.call(a, "addSourceSpecificMembership", 5)
end)

o.run()
