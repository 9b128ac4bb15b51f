-- The measured part of a run, for the Lua programs of the benchmark: arguments
-- "key=value", a warm-up, then rate and CPU time over the rest.
local measure = {}

-- The arguments of the program as a table; numbers are numbers.
function measure.arguments(list)
  local arguments = { warmup = 0.1, time = 0.5, size = 64 }
  for _, argument in ipairs(list) do
    local key, value = argument:match("^(%w+)=(.*)$")
    if key then arguments[key] = tonumber(value) or value end
  end
  arguments.list = {}
  for port in tostring(arguments.ports or ""):gmatch("%d+") do
    table.insert(arguments.list, tonumber(port))
  end
  return arguments
end

-- Tells the driver what it needs to go on: "key=value".
function measure.say(...)
  print(string.format(...))
  io.stdout:flush()
end

-- Prints what happened since `first` and ends the program.
local function finish(first, wall, messages)
  measure.say("messages=%d seconds=%.6f cpu=%.6f", messages - first.messages,
    wall - first.wall, os.clock() - first.cpu)
  os.exit(0)
end

-- Returns a function to be called now and then with the count so far: the warm-up
-- begins with the first message; `time` seconds after it the program ends.
function measure.ticker(arguments, clock)
  local opens, first
  return function(messages)
    local wall = clock()
    if not opens and messages > 0 then
      opens = wall + arguments.warmup
    elseif opens and not first and wall >= opens then
      first = { wall = wall, cpu = os.clock(), messages = messages }
    elseif first and wall - first.wall >= arguments.time then
      finish(first, wall, messages)
    end
  end
end

-- Seconds by luv's clock.
function measure.seconds()
  return require("luv").hrtime() / 1e9
end

-- The same by a timer of luv: nothing is added to the path that is measured.
-- `count()` returns the messages so far. Returns the timer.
function measure.by_timer(arguments, count)
  local tick = measure.ticker(arguments, measure.seconds)
  local timer = require("luv").new_timer()
  timer:start(10, 10, function() tick(count()) end)
  return timer
end

-- The resident size of this process in bytes, garbage collected first.
function measure.resident()
  collectgarbage()
  collectgarbage()
  return require("luv").resident_set_memory()
end

-- Runs luv's loop; it ends with the measurement.
function measure.run()
  require("luv").run()
end

return measure
