-- What spec/luarocks_spec.lua runs with an installed rock: prints where the
-- module lies and what it sent itself.
local dgram = require "dgram"
local uv = require "luv"

local socket = dgram.createSocket("udp4")
socket:on("message", function(msg)
  print(msg, debug.getinfo(dgram.createSocket, "S").source)
  socket:close()
end)
socket:bind(0, "127.0.0.1", function()
  socket:send("hello", socket:address().port, "127.0.0.1")
end)
uv.run()
