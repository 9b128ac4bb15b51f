-- A UDP server that prints what arrives. End with Ctrl-C.
--   lua5.4 examples/udp_server.lua [port]
local dgram = require "dgram"
local uv = require "luv"

local server = dgram.createSocket("udp4")

server:on("error", function(err)
  print("Error: " .. err.message)
  server:close()
end)

server:on("message", function(msg)
  print("server got: " .. msg)
end)

server:on("listening", function()
  print("server listening at " .. server:address().port)
end)

server:bind(arg[1] or 41234)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() server:close() end)

uv.run()
