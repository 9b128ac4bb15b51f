-- The error of the system's own resolver.
local o = require "spec.oracle.log"

local host = ("a"):rep(64) .. ".invalid"
local a = o.socket("a", "udp4")
a:send("x", 9, host, function(err)
  o.log("callback", err)
  a:send("x", 9, host)
end)
a:on("error", function() a:close() end)

o.run()
