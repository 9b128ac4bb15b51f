-- A type that is none.
local o = require "spec.oracle.log"

local function try(kind)
  o.attempt("type " .. o.show(kind), function()
    return o.dgram.createSocket(kind)
  end)
end
for _, kind in ipairs { "udp5", "", "UDP4", 4, true } do try(kind) end
try(nil)
try({})
o.attempt("option", function() return o.dgram.createSocket { type = "tcp" } end)

o.run()
