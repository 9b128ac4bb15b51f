-- A type that is none.
-- differs: `unix_dgram` is a third type
-- 1< type 'udp5' throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
-- \ specified. Valid types are: udp4, udp6"
-- 2< type 4 throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type specified.
-- \ Valid types are: udp4, udp6"
-- 3< type nil throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type specified.
-- \ Valid types are: udp4, udp6"
-- 4> type 'udp5' throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
-- \ specified. Valid types are: udp4, udp6, unix_dgram"
-- 4> type 4 throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type specified.
-- \ Valid types are: udp4, udp6, unix_dgram"
-- 4> type nil throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type specified.
-- \ Valid types are: udp4, udp6, unix_dgram"
local o = require "spec.oracle.log"

local function try(kind)
  o.attempt("type " .. o.show(kind), function()
    return o.dgram.createSocket(kind)
  end)
end
for _, kind in ipairs { "udp5", 4 } do try(kind) end
try(nil)

o.run()
