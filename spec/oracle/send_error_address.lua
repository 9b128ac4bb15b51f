-- The error of a send has the address as it was given.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  local big = ("x"):rep(65508)
  a:send(big, port, "127.0.0.1", function(err)
    o.log("address", err)
    a:send(big, port, function(err2) o.log("default", err2) a:close() end)
  end)
end)

o.run()
