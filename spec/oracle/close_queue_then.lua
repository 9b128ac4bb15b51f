-- What a socket answers that waits to be closed.
-- differs: `close` takes effect at once
-- 1< close() -> <a>
-- 2< send -> nil
-- 3< a listening
-- 4< uncaught Error: Not running
-- 5< ended badly
-- 6> close() throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
-- 6> send throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
-- 6> a close
-- 6> exit
-- 6> ended well
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:send("one", 9, "127.0.0.1")
a:close()
o.call(a, "close")
o.attempt("send", function() a:send("two", 9, "127.0.0.1") end)

o.run()
