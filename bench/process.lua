-- Child processes of the benchmark: started on a core of their own, their output
-- "key=value" collected, ended by their id, bounded in time.
local uv = require "luv"

local process = {}

local running = {}

-- Whether a shell command succeeds.
function process.works(command)
  local result = os.execute("(" .. command .. ") >/dev/null 2>&1")
  return result == true or result == 0
end

-- The first line a shell command prints, or nil.
function process.line(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local line = pipe:read("*l")
  pipe:close()
  return line
end

-- The numbers of the first line of a file of /proc, behind `skip`.
local function proc_numbers(path, skip)
  local list = {}
  local file = io.open(path)
  local line = file and file:read("*l") or ""
  if file then file:close() end
  for number in line:gsub(skip, ""):gmatch("%d+") do
    table.insert(list, tonumber(number))
  end
  return list
end

-- The processors' ticks since boot: all, those spent on work of whatever process
-- (the hypervisor's other guests are work too), and those of this process and the
-- children it has outlived.
function process.ticks()
  local all, total = proc_numbers("/proc/stat", "^cpu"), 0
  local own = proc_numbers("/proc/self/stat", "^.*%)")
  for i = 1, math.min(#all, 8) do total = total + all[i] end
  if #all < 8 or #own < 14 then return { total = 0, busy = 0, own = 0 } end
  return {
    total = total,
    busy = total - all[4] - all[5], -- neither idle nor waiting for a disk
    own = own[11] + own[12] + own[13] + own[14],
  }
end

-- The processors this process may use, lowest first.
local function cores()
  local list = {}
  local allowed = process.line("grep Cpus_allowed_list: /proc/self/status") or ""
  for first, last in allowed:gmatch("(%d+)%-?(%d*)") do
    for core = tonumber(first), tonumber(last) or tonumber(first) do
      table.insert(list, core)
    end
  end
  return list
end

-- How many processors this process may use.
function process.processors()
  return #cores()
end

-- What stands before a command so that it runs on the n-th core and ends with us.
local function prefixes()
  local list, result = cores(), { {}, {} }
  for i = 3, #list do result[i] = {} end
  for i, prefix in ipairs(result) do
    if process.works("setpriv --pdeathsig KILL true") then
      prefix[1], prefix[2], prefix[3] = "setpriv", "--pdeathsig", "KILL"
    end
    if #list > 1 and process.works("taskset -V") then
      for _, word in ipairs { "taskset", "-c", tostring(list[i]) } do
        table.insert(prefix, word)
      end
    end
  end
  return result
end

local prefix_of = prefixes()
process.pinned = #prefix_of[1] > 3

-- Reads "key=value" into child.values as it arrives.
local function collect(child, pipe)
  local rest = ""
  pipe:read_start(function(_, data)
    if not data then
      child.drained = true
      return pipe:close()
    end
    rest = (rest .. data):gsub("([^\n]*)\n", function(line)
      for key, value in line:gmatch("(%w+)=(%S+)") do
        child.values[key] = value
      end
      return ""
    end)
  end)
end

-- Starts a command (a list of words) on the n-th core; returns the child.
function process.start(command, core)
  local words = {}
  for _, list in ipairs { prefix_of[(core - 1) % #prefix_of + 1], command } do
    for _, word in ipairs(list) do table.insert(words, word) end
  end
  local program = table.remove(words, 1)
  local pipe = uv.new_pipe(false)
  local child = { values = {}, name = table.concat(command, " ") }
  child.handle, child.pid = uv.spawn(program, {
    args = words,
    stdio = { nil, pipe, 2 },
  }, function()
    child.exited = true
    running[child] = nil
    child.handle:close()
  end)
  assert(child.handle, child.pid)
  running[child] = true
  collect(child, pipe)
  return child
end

-- Runs the loop until condition() holds; returns false after `seconds`.
local function run_until(condition, seconds)
  local timer, late = uv.new_timer(), false
  timer:start(math.ceil(seconds * 1000), 0, function() late = true end)
  while not condition() and not late do uv.run("once") end
  timer:close()
  return not late
end

-- Waits for a value the child prints; returns it, or raises.
function process.await(child, key, seconds)
  run_until(function() return child.values[key] or child.drained end, seconds)
  return child.values[key] or
    error(child.name .. ": no " .. key .. (child.exited and "" or " in time"), 0)
end

-- Waits for the child to end and returns its values; kills it when it is late.
function process.finish(child, seconds)
  local ended = run_until(function() return child.exited and child.drained end, seconds)
  if not ended then process.stop(child) end
  return child.values
end

-- Ends the child if it is still there.
function process.stop(child)
  if child.exited then return end
  child.handle:kill("sigkill")
  run_until(function() return child.exited and child.drained end, 5)
end

-- Ends every child that is left.
function process.stop_all()
  for child in pairs(running) do process.stop(child) end
end

return process
