-- A UDP server on a named port and address that says who sent a message. End with
-- Ctrl-C.
--   lua5.4 examples/udp_bind.lua [port [address]]
local dgram = require "dgram"
local uv = require "luv"

local server = dgram.createSocket("udp4")

server:on("message", function(msg, rinfo)
  print("server got: " .. msg .. " from " .. rinfo.address .. ":" .. rinfo.port)
end)

server:on("listening", function()
  local address = server:address()
  print("server listening " .. address.address .. ":" .. address.port)
end)

server:bind(arg[1] or 41234, arg[2])

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() server:close() end)

uv.run()
-- server listening 0.0.0.0:41234
