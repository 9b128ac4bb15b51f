-- unix_dgram is a type of ours.
-- differs: `unix_dgram` is a third type
-- at the start
--   Node: unix throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type specified.
--     Valid types are: udp4, udp6"
--   ours: unix -> <u>
local o = require "spec.oracle.log"

o.attempt("unix", function() return o.bare("u", "unix_dgram") end)

o.run()
