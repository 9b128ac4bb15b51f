-- Sends to one destination (connected) or to two in turn: a group of messages a turn
-- of the loop, and after a send() that says false nothing until 'drain'.
--   send.lua ports=1[,2] | path=FILE size=64 [mode=plain|many|callback|alternate]
local dgram = require "dgram"
local measure = require "bench.measure"

local HOST, IN_FLIGHT, GROUP = "127.0.0.1", 256, 256

local arguments = measure.arguments(arg)
local message = ("x"):rep(arguments.size)
local socket = dgram.createSocket(arguments.path and "unix_dgram" or "udp4")

-- What the kernel has taken.
local function sent()
  return socket:stats().sent
end

-- Calls `group` once a turn of the loop; when it returns false, not before 'drain'.
local function every_turn(group)
  local idle = require("luv").new_idle()
  local function turn()
    if not group() then idle:stop() end
  end
  socket:on("drain", function() idle:start(turn) end)
  idle:start(turn)
end

local modes = {}

-- One send() a message, no callback.
function modes.plain()
  every_turn(function()
    for _ = 1, GROUP do
      if not socket:send(message) then return false end
    end
    return true
  end)
end

-- A table of messages a call.
function modes.many()
  local group = {}
  for i = 1, GROUP do group[i] = message end
  every_turn(function() return socket:sendMany(group) end)
end

-- A callback a message; each sends the next.
function modes.callback()
  local tick = measure.ticker(arguments, measure.seconds)
  local count = 0
  local function again()
    count = count + 1
    if count % 1024 == 0 then tick(count) end
    socket:send(message, again)
  end
  for _ = 1, IN_FLIGHT do socket:send(message, again) end
end

-- One send() a message, each to the next of two destinations.
function modes.alternate()
  local ports = arguments.list
  every_turn(function()
    for i = 1, GROUP do
      if not socket:send(message, ports[i % 2 + 1], HOST) then return false end
    end
    return true
  end)
end

local mode = arguments.mode or "plain"
if mode ~= "callback" then measure.by_timer(arguments, sent) end
if arguments.path then
  socket:connect(arguments.path, modes[mode])
elseif mode == "alternate" then
  modes.alternate()
else
  socket:connect(arguments.list[1], HOST, modes[mode])
end
measure.run()
