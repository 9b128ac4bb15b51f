-- What a socket answers that waits to be closed.
-- differs: `close` takes effect at once
-- at the start
--   Node: close() -> <a>
--   Node: send -> nil
--   Node: a listening
--   Node: uncaught Error: Not running
--   Node: ended badly
--   ours: close() throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
--   ours: send throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
--   ours: a close
--   ours: exit
--   ours: ended well
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:send("one", 9, "127.0.0.1")
a:close()
o.call(a, "close")
o.attempt("send", function() a:send("two", 9, "127.0.0.1") end)

o.run()
