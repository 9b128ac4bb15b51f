-- Buffer sizes of a socket that is not bound.
-- differs: Options work before `bind`
-- at the start
--   Node: setRecvBufferSize(10000) throws SystemError ERR_SOCKET_BUFFER_SIZE
--     "Could not get or set buffer size: uv_recv_buffer_size returned EBADF
--     (bad file descriptor)" syscall=uv_recv_buffer_size errno=-9
--   Node: getRecvBufferSize() throws SystemError ERR_SOCKET_BUFFER_SIZE "Could
--     not get or set buffer size: uv_recv_buffer_size returned EBADF (bad file
--     descriptor)" syscall=uv_recv_buffer_size errno=-9
--   ours: setRecvBufferSize(10000) -> nil
--   ours: getRecvBufferSize() -> 20000
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
o.call(a, "setRecvBufferSize", 10000)
o.call(a, "getRecvBufferSize")
o.call(a, "setSendBufferSize", -1)

o.run()
