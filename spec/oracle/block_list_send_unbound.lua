-- A send that a sendBlockList refuses, while a resolver is asked where to bind.
-- differs: `send` and `connect` ask no resolver for a literal address
-- differs: A bind to a literal address takes effect at once
-- after: lookup '0.0.0.0' 4
--   Node: a listening
--   Node: lookup '127.0.0.2' 4
local o = require "spec.oracle.log"

local list = o.BlockList()
list:addAddress("127.0.0.2")
local a = o.socket("a", { type = "udp4", sendBlockList = list,
  lookup = o.lookup { bad = "127.0.0.2" } })
a:send("x", 9, "127.0.0.2", function(err)
  o.log("callback", err)
  a:close()
end)

o.run()
