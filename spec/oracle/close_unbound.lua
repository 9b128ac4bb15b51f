-- close of a fresh socket: the callback is a 'close' listener.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "close", function(...) o.log("callback", select("#", ...)) end)
o.log("after close")

o.run()
