-- A second close throws, at once, in 'close' and later.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:close(function()
  o.call(a, "close")
  o.after(1, function() o.call(a, "close", function() o.log("never") end) end)
end)
o.call(a, "close")

o.run()
