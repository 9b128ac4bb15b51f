-- 'error' without a listener and with a value that is no error.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
o.call(a, "emit", "error", "text")
o.call(a, "emit", "error", 5)
o.call(a, "emit", "error", true)

o.run()
