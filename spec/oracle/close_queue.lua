-- close while sends wait for the bind: they are done first.
-- differs: `close` takes effect at once
-- after: after close
--   Node: a listening
--   Node: bound
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, "127.0.0.1", function() o.log("bound") end)
a:send("one", 9, "127.0.0.1")
a:close(function() o.log("callback") end)
o.log("after close")

o.run()
