-- A type that is none.
-- differs: `unix_dgram` is a third type
-- at the start
--   Node: type 'udp5' throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6"
--   Node: type 4 throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6"
--   Node: type nil throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6"
--   ours: type 'udp5' throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6, unix_dgram"
--   ours: type 4 throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6, unix_dgram"
--   ours: type nil throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6, unix_dgram"
local o = require "spec.oracle.log"

local function try(kind)
  o.attempt("type " .. o.show(kind), function()
    return o.dgram.createSocket(kind)
  end)
end
for _, kind in ipairs { "udp5", 4 } do try(kind) end
try(nil)

o.run()
