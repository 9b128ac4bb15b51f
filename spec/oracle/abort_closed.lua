-- abort of a socket that is closed already does nothing.
local o = require "spec.oracle.log"

local controller = o.AbortController()
local a = o.socket("a", { type = "udp4", signal = controller.signal })
a:close(function() controller.abort() end)
o.attempt("at once", function() controller.abort() end)

o.run()
