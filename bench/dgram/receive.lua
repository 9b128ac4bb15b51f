-- Receives on any number of sockets and counts 'message' events.
--   receive.lua sockets=1 | path=FILE [info=FIELD] [workers=2 [ports=PORT]]
local dgram = require "dgram"
local measure = require "bench.measure"

local arguments = measure.arguments(arg)
local total = arguments.sockets or 1
local messages, ports = 0, {}

local function count()
  messages = messages + 1
end

-- When every socket is bound the driver learns the ports, and the clock starts.
local function bound(socket)
  table.insert(ports, socket:address().port or 0)
  if #ports < total then return end
  measure.say("ports=%s", table.concat(ports, ","))
  measure.by_timer(arguments, function() return messages end)
end

for _ = 1, total do
  local socket = dgram.createSocket {
    type = arguments.path and "unix_dgram" or "udp4",
    recvInfo = arguments.info and { arguments.info },
    reusePort = arguments.workers and true,
  }
  socket:on("message", count)
  socket:on("listening", function() bound(socket) end)
  if arguments.path then
    socket:bind(arguments.path)
  else
    socket:bind(arguments.list[1] or 0, "127.0.0.1")
  end
end
measure.run()
