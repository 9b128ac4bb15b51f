-- Wrong arguments of connectSync leave the socket unconnected, and unbound.
-- differs: `bindSync` and `connectSync` check arguments as `bind` does
-- after: connectSync(9, 5) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"address\" argument must be of type string. Received type number (5)"
--   Node: connectSync(0, 5) throws RangeError ERR_SOCKET_BAD_PORT "Port should
--     be > 0 and < 65536. Received type number (0)."
--   ours: connectSync(0, 5) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"address\" argument must be of type string. Received type number (5)"
-- after: bindSync -> nil
--   Node: connectSync(0) throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not
--     running"
--   Node: connectSync(9, 5) throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not
--     running"
--   ours: connectSync(0) throws RangeError ERR_SOCKET_BAD_PORT "Port should be
--     > 0 and < 65536. Received type number (0)."
--   ours: connectSync(9, 5) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"address\" argument must be of type string. Received type number (5)"
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "connectSync")
o.call(a, "connectSync", 0)
o.call(a, "connectSync", 65536, "127.0.0.1")
o.call(a, "connectSync", "x")
o.call(a, "connectSync", 9, 5)
o.call(a, "connectSync", 0, 5)
o.call(a, "remoteAddress")
o.attempt("bindSync", function() a:bindSync { address = "127.0.0.1" } end)
a:close()
o.call(a, "connectSync", 0)
o.call(a, "connectSync", 9, 5)

o.run()
