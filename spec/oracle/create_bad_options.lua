-- Options of a wrong type, and the order of the checks.
-- differs: `unix_dgram` is a third type
-- after: order throws TypeError ERR_INVALID_ARG_TYPE "The \"lookup\" argument
--     must be of type function. Received type string ('x')"
--   Node: order throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6"
--   ours: order throws TypeError ERR_SOCKET_BAD_TYPE "Bad socket type
--     specified. Valid types are: udp4, udp6, unix_dgram"
local o = require "spec.oracle.log"

local function wrong(label, options)
  options.type = options.type or "udp4"
  o.attempt(label, function() return o.dgram.createSocket(options) end)
end
wrong("lookup", { lookup = "x" })
wrong("lookup", { lookup = 5 })
wrong("recv", { recvBufferSize = "x" })
wrong("recv", { recvBufferSize = -1 })
wrong("recv", { recvBufferSize = 1.5 })
wrong("recv", { recvBufferSize = 2 ^ 32 })
wrong("send", { sendBufferSize = true })
wrong("signal", { signal = "x" })
wrong("signal", { signal = 5 })
wrong("order", { recvBufferSize = "r", sendBufferSize = "s", type = "no" })
wrong("order", { lookup = "x", type = "no", signal = 5 })
wrong("order", { type = "no", signal = 5 })

o.run()
