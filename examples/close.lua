-- close(callback): the callback runs when the socket is closed.
--   lua5.4 examples/close.lua
local dgram = require "dgram"
local uv = require "luv"

local socket = dgram.createSocket({ type = "udp4", reuseAddr = true })

socket:close(function()
  print("Socket is closed")
end)

uv.run()
