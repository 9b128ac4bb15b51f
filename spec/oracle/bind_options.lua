-- bind(options, callback) and bind({}).
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind({ port = 0, address = "127.0.0.1", exclusive = true }, function()
  o.log("a called", a:address())
  a:close()
end)
local b = o.socket("b", "udp4")
b:on("listening", function() o.log("b", b:address()) b:close() end)
o.log("bind", b:bind({}))

o.run()
