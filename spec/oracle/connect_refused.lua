-- Nobody listens: the remote's answer is an 'error'.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:on("error", function() a:close() end)
  a:connect(port, "127.0.0.1", function()
    r:close(function() a:send("x", o.done("sent")) end)
  end)
end)

o.run()
