-- Wrong arguments of bindSync leave the socket unbound.
-- differs: `bindSync` and `connectSync` check arguments as `bind` does
-- after: bindSync('x') throws TypeError ERR_INVALID_ARG_TYPE "The \"options\"
--     argument must be of type object. Received type string ('x')"
--   Node: bindSync({port: -1}) throws RangeError ERR_SOCKET_BAD_PORT
--     "options.port should be >= 0 and < 65536. Received type number (-1)."
--   Node: bindSync({port: <port>}) throws RangeError ERR_SOCKET_BAD_PORT
--     "options.port should be >= 0 and < 65536. Received type number (65536)."
--   Node: bindSync({port: 'x'}) throws RangeError ERR_SOCKET_BAD_PORT
--     "options.port should be >= 0 and < 65536. Received type string ('x')."
--   Node: bindSync({port: true}) throws RangeError ERR_SOCKET_BAD_PORT
--     "options.port should be >= 0 and < 65536. Received type boolean (true)."
--   Node: bindSync({address: 5}) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"options.address\" property must be of type string. Received type number
--     (5)"
--   Node: bindSync({address: 5, port: 'x'}) throws RangeError
--     ERR_SOCKET_BAD_PORT "options.port should be >= 0 and < 65536. Received
--     type string ('x')."
--   ours: bindSync({port: -1}) throws RangeError ERR_SOCKET_BAD_PORT "Port
--     should be >= 0 and < 65536. Received type number (-1)."
--   ours: bindSync({port: <port>}) throws RangeError ERR_SOCKET_BAD_PORT "Port
--     should be >= 0 and < 65536. Received type number (65536)."
--   ours: bindSync({port: 'x'}) throws RangeError ERR_SOCKET_BAD_PORT "Port
--     should be >= 0 and < 65536. Received type string ('x')."
--   ours: bindSync({port: true}) throws RangeError ERR_SOCKET_BAD_PORT "Port
--     should be >= 0 and < 65536. Received type boolean (true)."
--   ours: bindSync({address: 5}) throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"address\" argument must be of type string. Received type number (5)"
--   ours: bindSync({address: 5, port: 'x'}) throws TypeError
--     ERR_INVALID_ARG_TYPE "The \"address\" argument must be of type string.
--     Received type number (5)"
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "bindSync", 5)
o.call(a, "bindSync", "x")
o.call(a, "bindSync", { port = -1 })
o.call(a, "bindSync", { port = 65536 })
o.call(a, "bindSync", { port = "x" })
o.call(a, "bindSync", { port = true })
o.call(a, "bindSync", { address = 5 })
o.call(a, "bindSync", { port = "x", address = 5 })
o.call(a, "bindSync", { address = "127.0.0.1" })
a:close()

o.run()
