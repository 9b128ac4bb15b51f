-- A block list that is none is refused.
-- differs: Block lists are checked after `lookup`
-- after: sendBlockList [] throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"options.sendBlockList\" property must be an instance of BlockList.
--     Received a table"
--   Node: order throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"options.receiveBlockList\" property must be an instance of BlockList.
--     Received type string ('x')"
--   ours: order throws TypeError ERR_INVALID_ARG_TYPE "The \"lookup\" argument
--     must be of type function. Received type number (5)"
-- after: order throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"options.sendBufferSize\" property must be of type number. Received type
--     string ('x')"
--   Node: order throws TypeError ERR_INVALID_ARG_TYPE "The
--     \"options.sendBlockList\" property must be an instance of BlockList.
--     Received type number (5)"
--   ours: order throws TypeError ERR_INVALID_ARG_TYPE "The \"lookup\" argument
--     must be of type function. Received type number (5)"
local o = require "spec.oracle.log"

for _, option in ipairs { "receiveBlockList", "sendBlockList" } do
  for _, value in ipairs { 5, "x", true, {} } do
    o.attempt(option .. " " .. o.show(value), function()
      return o.dgram.createSocket { type = "udp4", [option] = value }
    end)
  end
end
o.attempt("order", function()
  return o.dgram.createSocket { type = "no", lookup = 5, sendBlockList = 5,
    receiveBlockList = "x" }
end)
o.attempt("order", function()
  return o.dgram.createSocket { type = "no", lookup = 5, sendBlockList = 5,
    sendBufferSize = "x" }
end)
o.attempt("order", function()
  return o.dgram.createSocket { type = "no", lookup = 5, sendBlockList = 5,
    signal = 5 }
end)

o.run()
