-- bind() and bind(callback): any port of all addresses.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("listening", function() o.log("a", a:address()) a:close() end)
o.log("bind", a:bind())
local b = o.socket("b", "udp4")
b:bind(function() o.log("b", b:address()) b:close() end)

o.run()
