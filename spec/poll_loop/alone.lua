-- What spec/poll_loop_spec.lua runs to see that luv is not needed: an echo
-- between two sockets, and a host name.
package.preload.luv = function() error("luv was loaded") end
local dgram = require "dgram"
local loop = require("dgram.loop.poll").new()

local server = dgram.createSocket { type = "udp4", loop = loop }
server:on("message", function(msg, rinfo)
  server:send(msg, rinfo.port, rinfo.address)
end)
local port = server:bindSync({ address = "127.0.0.1" }).port

local client = dgram.createSocket { type = "udp4", loop = loop }
client:on("message", function(msg)
  print("echo", msg)
  client:close()
  server:close(function() print("closed") end)
end)
client:send("hello", port, "localhost", function(err) print("sent", err) end)

print("more to do", loop.run())
