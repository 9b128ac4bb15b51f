-- bindSync binds every address when none is given.
local o = require "spec.oracle.log"
local unpack = table.unpack or unpack

for _, kind in ipairs { "udp4", "udp6" } do
  for _, options in ipairs { {}, { {} }, { { address = "" } },
    { { port = "0" } } } do
    local a = o.bare("a", kind)
    o.call(a, "bindSync", unpack(options))
    a:close()
  end
end

o.run()
