-- Sends to a host name and closes at once: the message still leaves.
--   lua5.4 examples/send_and_close.lua [port [host]]
local dgram = require "dgram"
local uv = require "luv"

local port, host = arg[1] or 41234, arg[2] or "localhost"
local message = "Some bytes"

local client = dgram.createSocket("udp4")
client:send(message, 0, #message, port, host, function(err, bytes)
  print(err or "sent " .. bytes .. " bytes")
end)
client:close()

uv.run()
