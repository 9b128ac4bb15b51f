-- Literal addresses in send and connect.
-- differs: `send` and `connect` ask no resolver for a literal address
-- after: a listening
--   Node: lookup '127.0.0.1' 4
--   Node: lookup '127.0.0.1' 4
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", { type = "udp4", lookup = o.lookup {} })
  o.messages(r, 2, function() r:close() a:close() end)
  a:bind(0, "127.0.0.1", function()
    a:send("one", port, "127.0.0.1", function() a:send("two", port) end)
  end)
end)

o.run()
