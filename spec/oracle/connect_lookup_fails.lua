-- A name that does not resolve: the callback, or 'error'.
-- differs: `send` and `connect` ask no resolver for a literal address
-- after: a error Error - "no such host"
--   Node: lookup '127.0.0.1' 4
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4", lookup = o.lookup { no = "fails" } })
a:bind(0, "127.0.0.1", function()
  a:connect(9, "no", function(err)
    o.log("callback", err, a:listenerCount("connect"))
    a:connect(9, "no")
  end)
end)
a:on("error", function()
  a:connect(9, "127.0.0.1", function() a:close() end)
end)

o.run()
