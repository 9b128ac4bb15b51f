-- What a job of spec/thread_spec.lua runs: asks a port, on the loop that is
-- named, and returns the answer.
return function(path, cpath, port, name, text)
  package.path, package.cpath = path, cpath
  local dgram = require "dgram"
  local loop = name == "poll_loop" and require("dgram.loop.poll").new() or nil
  local socket, got = dgram.createSocket { type = "udp4", loop = loop }, nil
  socket:on("message", function(msg)
    got = msg
    socket:close()
  end)
  socket:send(text, port, "127.0.0.1")
  if loop then loop.run() else require("luv").run() end
  return socket:fileno() == nil and got or "left open"
end
