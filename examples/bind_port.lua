-- bind(port, callback), with an address that others may use as well.
--   lua5.4 examples/bind_port.lua [port]
local dgram = require "dgram"
local uv = require "luv"

local port = arg[1] or 12345
local socket = dgram.createSocket({ type = "udp4", reuseAddr = true })

socket:bind(port, function()
  print("Listening for packets on port " .. socket:address().port)
end)

socket:once("message", function(msg)
  print("got: " .. msg)
  socket:close()
end)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() socket:close() end)

uv.run()
