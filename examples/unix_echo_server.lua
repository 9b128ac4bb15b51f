-- A unix domain datagram server that sends back whatever it receives. End with
-- Ctrl-C, which removes its path.
--   lua5.4 examples/unix_echo_server.lua [path]
local dgram = require "dgram"
local uv = require "luv"

local server = dgram.createSocket("unix_dgram")

server:on("message", function(msg, rinfo)
  print("got: " .. msg .. " from " .. rinfo.address)
  if rinfo.address == "" then return end -- who has no name gets no answer
  server:send(msg, 0, #msg, rinfo.address)
end)

server:on("listening", function()
  print("server listening " .. server:address().address)
end)

server:bind(arg[1] or "/tmp/dgram_server_sock")

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() server:close() end)

uv.run()
