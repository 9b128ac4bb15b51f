-- A receiveBlockList of a socket for both families: IPv4 comes mapped.
local o = require "spec.oracle.log"

local list = o.BlockList()
list:addAddress("127.0.0.2")
list:addAddress("::ffff:127.0.0.3", "ipv6")
local a = o.socket("a", { type = "udp6", receiveBlockList = list })
local port = a:bindSync().port
local senders = {}
for i, address in ipairs { "127.0.0.2", "127.0.0.3", "127.0.0.4" } do
  senders[i] = o.socket(address, "udp4")
  senders[i]:bindSync { address = address }
end
o.messages(a, 1, function()
  a:close()
  for _, each in ipairs(senders) do each:close() end
end)
senders[1]:send("x", port, "127.0.0.1", function()
  senders[2]:send("y", port, "127.0.0.1", function()
    senders[3]:send("z", port, "127.0.0.1")
  end)
end)

o.run()
