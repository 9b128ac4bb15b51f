-- What a thread of spec/thread_spec.lua runs: an echo for one message.
return function(path, cpath, port)
  package.path, package.cpath = path, cpath
  local dgram, uv = require "dgram", require "luv"
  local socket = dgram.createSocket("udp4")
  socket:on("message", function(msg, rinfo)
    socket:send("thread got " .. msg, rinfo.port, rinfo.address)
    socket:close()
  end)
  socket:bind(0, "127.0.0.1", function()
    socket:send("here", port, "127.0.0.1")
  end)
  uv.run()
end
