-- Sends one message to everybody on the local network.
--   lua5.4 examples/broadcast_sender.lua [port [address]]
local dgram = require "dgram"
local uv = require "luv"

local port = arg[1] or 41237
local address = arg[2] or "255.255.255.255"
local socket = dgram.createSocket({ type = "udp4", reuseAddr = true })

socket:bind(0, function()
  socket:setBroadcast(true)
  socket:send("Hello everybody", port, address, function(err, bytes)
    print(err or "sent " .. bytes .. " bytes to " .. address)
    socket:close()
  end)
end)

uv.run()
