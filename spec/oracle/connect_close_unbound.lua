-- The same of a socket that is not bound.
-- differs: `close` takes effect at once
-- at the start
--   Node: a listening
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:connect(9, "127.0.0.1")
a:close()

o.run()
