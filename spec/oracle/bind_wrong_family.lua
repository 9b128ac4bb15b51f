-- An address of the other family is an 'error', not a throw.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("error", function() a:close() end)
a:bind(0, "::1")
a:on("close", function()
  local b = o.socket("b", "udp6")
  b:on("error", function() b:close() end)
  b:bind(0, "127.0.0.1")
end)

o.run()
