-- Where a socket is bound, as address() tells it.
--   lua5.4 examples/udp_address.lua [port]
local dgram = require "dgram"
local uv = require "luv"

local server = dgram.createSocket("udp4")

server:on("listening", function()
  local address = server:address()
  print("Addr: " .. address.address .. " port: " .. address.port)
  server:close()
end)

server:bind(arg[1] or 12345)
uv.run()
