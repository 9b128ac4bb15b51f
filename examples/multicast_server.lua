-- Joins a multicast group, and leaves it when the first message has come.
-- End with Ctrl-C.
--   lua5.4 examples/multicast_server.lua [port [group [interface]]]
local dgram = require "dgram"
local uv = require "luv"

local port = arg[1] or 12345
local group, interface = arg[2] or "230.255.255.250", arg[3]
local server = dgram.createSocket("udp4")

server:bind(port, function()
  server:addMembership(group, interface)
  print("joined " .. group .. " on port " .. server:address().port)
end)

server:on("message", function(msg, rinfo)
  print("server got: " .. msg .. " from " .. rinfo.address)
end)

server:once("message", function()
  server:dropMembership(group, interface)
  print("left " .. group)
end)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() server:close() end)

uv.run()
