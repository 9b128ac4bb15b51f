-- Options of a closed socket, after their arguments are checked.
-- differs: A closed socket throws `Not running`
-- after: setRecvBufferSize(-1) throws TypeError ERR_SOCKET_BAD_BUFFER_SIZE
--     "Buffer size must be a positive integer"
--   Node: setTTL(5) throws TypeError - "Cannot read properties of null (reading
--     'setTTL')"
--   Node: setBroadcast(true) throws TypeError - "Cannot read properties of null
--     (reading 'setBroadcast')"
--   Node: getRecvBufferSize() throws TypeError - "Cannot read properties of
--     null (reading 'bufferSize')"
--   Node: getSendQueueSize() throws TypeError - "Cannot read properties of null
--     (reading 'getSendQueueSize')"
--   ours: setTTL(5) throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
--   ours: setBroadcast(true) throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not
--     running"
--   ours: getRecvBufferSize() throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not
--     running"
--   ours: getSendQueueSize() -> 0
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:close()
o.call(a, "setTTL", "x")
o.call(a, "setRecvBufferSize", -1)
o.call(a, "setTTL", 5)
o.call(a, "setBroadcast", true)
o.call(a, "getRecvBufferSize")
o.call(a, "getSendQueueSize")

o.run()
