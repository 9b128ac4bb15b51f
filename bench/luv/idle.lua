-- Opens `sockets` poll handles, the least a loop needs to watch as many sockets;
-- prints the memory each takes.
local uv = require "luv"
local measure = require "bench.measure"

local arguments = measure.arguments(arg)
local handles, descriptors = {}, {}

local function watch(fd)
  local poll = uv.new_poll(fd)
  poll:start("rp", print)
  table.insert(handles, poll)
end

-- The descriptors come first: they are the kernel's memory, not ours.
for _ = 1, arguments.sockets / 2 + 1 do
  local pair = uv.socketpair("dgram", nil, { nonblock = true }, { nonblock = true })
  table.insert(descriptors, pair[1])
  table.insert(descriptors, pair[2])
end
watch(table.remove(descriptors))
local before = measure.resident()
for i = 1, arguments.sockets do watch(descriptors[i]) end
measure.say("each=%.0f", (measure.resident() - before) / arguments.sockets)
os.exit(0)
