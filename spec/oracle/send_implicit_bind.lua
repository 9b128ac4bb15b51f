-- A send binds, listens, and answers arrive.
local o = require "spec.oracle.log"

o.bound("server", "udp4", function(server)
  server:on("message", function(_, rinfo)
    server:send("answer", rinfo.port, rinfo.address, function()
      server:close()
    end)
  end)
  local client = o.socket("client", "udp4")
  client:on("message", function() client:close() end)
  client:send("hello", server:address().port, "127.0.0.1", o.done("sent"))
  o.log("after send")
end)

o.run()
