-- What a job of spec/thread_spec.lua runs: sends itself a message, on the
-- built-in loop, and returns it.
return function(path, cpath, text)
  package.path, package.cpath = path, cpath
  local dgram = require "dgram"
  local loop = require("dgram.pollloop").new()
  local socket, got = dgram.createSocket { type = "udp4", loop = loop }, nil
  socket:on("message", function(msg)
    got = msg
    socket:close()
  end)
  local port = socket:bindSync({ address = "127.0.0.1" }).port
  socket:send(text, port, "127.0.0.1")
  loop.run()
  return socket:fileno() == nil and got or "left open"
end
