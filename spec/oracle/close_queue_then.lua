-- What a socket answers that waits to be closed.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:send("one", 9, "127.0.0.1")
a:close()
o.call(a, "close")
o.attempt("send", function() a:send("two", 9, "127.0.0.1") end)

o.run()
