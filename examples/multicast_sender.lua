-- Sends one message to a multicast group, one hop far and to this host too.
--   lua5.4 examples/multicast_sender.lua [port [group [interface]]]
local dgram = require "dgram"
local uv = require "luv"

local port = arg[1] or 12345
local group, interface = arg[2] or "230.255.255.250", arg[3]
local socket = dgram.createSocket("udp4")

socket:bind(0, function()
  if interface then socket:setMulticastInterface(interface) end
  print("multicast TTL " .. socket:setMulticastTTL(1))
  print("multicast loopback " .. tostring(socket:setMulticastLoopback(true)))
  socket:send("Hello group", port, group, function(err, bytes)
    print(err or "sent " .. bytes .. " bytes")
    socket:close()
  end)
end)

uv.run()
