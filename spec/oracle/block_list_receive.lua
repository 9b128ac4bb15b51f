-- Datagrams from a receiveBlockList are not heard; it may grow later.
local o = require "spec.oracle.log"

local list = o.BlockList()
list:addAddress("127.0.0.2")
local a = o.socket("a", { type = "udp4", receiveBlockList = list })
local port, senders = a:bindSync().port, {}
for i, address in ipairs { "127.0.0.2", "127.0.0.3", "127.0.0.4" } do
  senders[i] = o.socket(address, "udp4")
  senders[i]:bindSync { address = address }
end
local function send(i, msg, done)
  senders[i]:send(msg, port, "127.0.0.1", done)
end
o.messages(a, 1, function()
  list:addSubnet("127.0.0.3", 32)
  send(2, "unheard", function() send(3, "heard") end)
end)
o.messages(a, 2, function()
  a:close()
  for _, each in ipairs(senders) do each:close() end
end)
send(1, "unheard", function() send(2, "heard") end)

o.run()
