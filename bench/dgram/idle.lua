-- Opens `sockets` bound sockets that nobody sends to, `group` at a time, and prints
-- the memory each takes, garbage collected.
local dgram = require "dgram"
local measure = require "bench.measure"

local arguments = measure.arguments(arg)
local total, group = arguments.sockets, arguments.group or 1
local sockets, bound, before = {}, -1, nil

-- Opens the next group when the one before is bound. The first socket loads and
-- starts what all share: it is not counted.
local function listening()
  bound = bound + 1
  if bound == 0 then before = measure.resident() end
  if bound % group > 0 then return end
  if bound >= total then
    measure.say("each=%.0f", (measure.resident() - before) / bound)
    os.exit(0)
  end
  for _ = 1, group do
    local socket = dgram.createSocket("udp4", print)
    table.insert(sockets, socket)
    socket:bind(0, "127.0.0.1", listening)
  end
end

dgram.createSocket("udp4", print):bind(0, "127.0.0.1", listening)
measure.run()
