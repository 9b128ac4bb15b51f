-- Options of a closed socket, after their arguments are checked.
-- differs: A closed socket throws `Not running`
-- 3< setTTL(5) throws TypeError - "Cannot read properties of null (reading
-- \ 'setTTL')"
-- 4< setBroadcast(true) throws TypeError - "Cannot read properties of null
-- \ (reading 'setBroadcast')"
-- 5< getRecvBufferSize() throws TypeError - "Cannot read properties of null
-- \ (reading 'bufferSize')"
-- 6< getSendQueueSize() throws TypeError - "Cannot read properties of null
-- \ (reading 'getSendQueueSize')"
-- 7> setTTL(5) throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
-- 7> setBroadcast(true) throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not running"
-- 7> getRecvBufferSize() throws Error ERR_SOCKET_DGRAM_NOT_RUNNING "Not
-- \ running"
-- 7> getSendQueueSize() -> 0
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
