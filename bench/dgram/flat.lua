-- Receives `count` datagrams, or sends them, and prints by how many bytes the
-- resident size grew since a tenth of them.
--   flat.lua count=10000000 [ports=N size=64]
local dgram = require "dgram"
local measure = require "bench.measure"

local arguments = measure.arguments(arg)
local socket = dgram.createSocket("udp4")
local tenth, settled = arguments.count / 10, nil

-- Looks at the resident size at a tenth of the way and at the end.
local function look(count)
  if not settled and count >= tenth then
    settled = measure.resident()
  elseif count >= arguments.count then
    measure.say("growth=%d messages=%d", measure.resident() - settled, count)
    os.exit(0)
  end
end

-- Looks a hundred times a second, by a timer.
local function watch(field)
  local timer = require("luv").new_timer()
  timer:start(10, 10, function() look(socket:stats()[field]) end)
end

if arguments.ports then
  local message = ("x"):rep(arguments.size)
  local idle = require("luv").new_idle()
  local function turn()
    for _ = 1, 256 do
      if not socket:send(message) then return idle:stop() end
    end
  end
  local function go_on() idle:start(turn) end
  socket:on("drain", go_on)
  socket:connect(arguments.ports, "127.0.0.1", go_on)
  watch("sent")
else
  socket:on("message", function() end)
  socket:bind(0, "127.0.0.1", function()
    measure.say("ports=%d", socket:address().port)
  end)
  watch("received")
end
measure.run()
