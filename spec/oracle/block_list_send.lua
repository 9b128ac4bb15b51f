-- A sendBlockList refuses send, by address and by name.
-- differs: `send` and `connect` ask no resolver for a literal address
-- after: a listening
--   Node: lookup '127.0.0.2' 4
local o = require "spec.oracle.log"

local list = o.BlockList()
list:addAddress("127.0.0.2")
local a = o.socket("a", { type = "udp4", sendBlockList = list,
  lookup = o.lookup { bad = "127.0.0.2", good = "127.0.0.1" } })
local function send(address, after)
  a:send("x", 9, address, function(err)
    o.log(address, err)
    after()
  end)
end
a:bindSync { address = "127.0.0.1" }
a:once("listening", function()
  send("127.0.0.2", function()
    send("bad", function() send("good", function() a:close() end) end)
  end)
end)

o.run()
