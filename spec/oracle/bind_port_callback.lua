-- bind(port, callback) and bind(port, nil, callback).
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, function() o.log("a called", a:address()) a:close() end)
local b = o.socket("b", "udp4")
b:bind(0, nil, function() o.log("b called", b:address()) b:close() end)

o.run()
