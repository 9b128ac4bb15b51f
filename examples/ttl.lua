-- Sends a message that may cross a given number of routers.
--   lua5.4 examples/ttl.lua [port [address [hops]]]
local dgram = require "dgram"
local uv = require "luv"

local port, address = arg[1] or 41237, arg[2] or "127.0.0.1"
local socket = dgram.createSocket({ type = "udp4", reuseAddr = true })

socket:bind(0, function()
  print("TTL " .. socket:setTTL(tonumber(arg[3] or 64)))
  socket:send("Hello", port, address, function(err, bytes)
    print(err or "sent " .. bytes .. " bytes")
    socket:close()
  end)
end)

uv.run()
