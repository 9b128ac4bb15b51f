-- The benchmark: runs every workload of workloads.lua in turn for every contestant,
-- several rounds, and writes docs/benchmark.md and docs/benchmark.svg.
--   make bench                    everything, in less than five minutes
--   make bench QUICK=1            one short round; the document goes to build/bench
--   make bench ONLY=echo ROUNDS=3 only these workloads, to the screen alone
local process = require "bench.process"
local report = require "bench.report"
local statistics = require "bench.statistics"
local uv = require "luv"
local workloads = require "bench.workloads"

-- A setting from the environment; nil where it is not set.
local function setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local quick, only = setting "QUICK", setting "ONLY"
local rounds = tonumber(setting "ROUNDS") or (quick and 1 or 5)
local window = { warmup = 0.1, time = quick and 0.15 or 0.4 }

local PATIENCE = 10 -- seconds until something that prints nothing is given up
local TOO_MANY = 10 -- runs that failed: the rest would too
local lua = setting "LUA" or "lua5.4"

local failures = 0

-- Notes a run that did not come to an end.
local function fail(message)
  failures = failures + 1
  io.stderr:write("failed: ", tostring(message), "\n")
  if failures == TOO_MANY then error("too many runs failed", 0) end
end

-- A command: words, then each table's fields as "key=value".
local function command(words, ...)
  local list = {}
  for _, word in ipairs(words) do table.insert(list, word) end
  for _, arguments in ipairs { ... } do
    for key, value in pairs(arguments) do
      if type(key) == "string" then
        table.insert(list, key .. "=" .. tostring(value))
      end
    end
  end
  return list
end

-- The words that start a contestant's program for one kind of workload.
local function program(contestant, kind)
  local family = workloads.families[workloads.family_of[contestant[1]]]
  local name = family.names and family.names[kind] or kind
  local words = {}
  for _, word in ipairs(family) do table.insert(words, word) end
  table.insert(words, family.folder .. name .. family.suffix)
  return words
end

local kinds = {}

-- The contestant sends, a C program that never sleeps takes it.
function kinds.send(workload, contestant, where)
  local sink = process.start(command({ "build/bench/receiver" },
    { spin = 1, gro = 1 }, workload.peer or {}, where), 1)
  local ports = process.await(sink, "ports", PATIENCE)
  local to = where.path and where or { ports = ports }
  local sender = process.start(command(program(contestant, "send"), window,
    workload.arguments, contestant, to), 2)
  process.await(sender, "messages", PATIENCE)
  return process.finish(sender, PATIENCE)
end

-- A C program sends without end, the contestant receives.
function kinds.receive(workload, contestant, where)
  local receiver = process.start(command(program(contestant, "receive"), window,
    workload.arguments, contestant, where), 2)
  local ports = process.await(receiver, "ports", PATIENCE)
  local to = where.path and where or { ports = ports }
  process.start(command({ "build/bench/sender" }, workload.peer or {}, to), 1)
  process.await(receiver, "messages", PATIENCE)
  return process.finish(receiver, PATIENCE)
end

-- The contestant answers, a C program asks and measures.
function kinds.echo(workload, contestant)
  local server = process.start(command(program(contestant, "echo"), contestant), 2)
  local ports = process.await(server, "ports", PATIENCE)
  local load = process.start(command({ "build/bench/load" }, window, workload.peer,
    { ports = ports, pid = server.pid }), 1)
  process.await(load, "messages", PATIENCE)
  return process.finish(load, PATIENCE)
end

-- The contestant answers half of what it could at most, as another workload of this
-- round has shown; the C program measures how long that takes.
function kinds.latency(_, contestant, _, best)
  local server = process.start(command(program(contestant, "echo"), contestant), 2)
  local ports = process.await(server, "ports", PATIENCE)
  local load = process.start(command({ "build/bench/load" }, window,
    { ports = ports, pid = server.pid, rate = math.floor(best.rate / 2) }), 1)
  process.await(load, "messages", PATIENCE)
  return process.finish(load, PATIENCE)
end

-- Workers of the contestant share a port while C sends by many sockets; what all of
-- them got is counted.
function kinds.workers(workload, contestant)
  local receivers, ports = {}, nil
  for i = 1, contestant.workers do
    receivers[i] = process.start(command(program(contestant, "receive"), window,
      contestant, { ports = ports }), 1 + i)
    ports = process.await(receivers[i], "ports", PATIENCE)
  end
  process.start(command({ "build/bench/sender" }, workload.peer, { ports = ports }), 1)
  local sum = { messages = 0, seconds = 0, cpu = 0 }
  for _, receiver in ipairs(receivers) do
    process.await(receiver, "messages", PATIENCE)
    for key, value in pairs(process.finish(receiver, PATIENCE)) do
      sum[key] = (sum[key] or 0) + tonumber(value)
    end
  end
  sum.seconds = sum.seconds / contestant.workers
  return sum
end

-- Rate and CPU time from the counts a program printed.
local function metrics(values)
  local messages = tonumber(values.messages)
  return {
    rate = messages / tonumber(values.seconds),
    cpu = tonumber(values.cpu) / messages * 1e9,
    p50 = tonumber(values.p50),
    p99 = tonumber(values.p99),
  }
end

-- One run of one contestant; whatever happens, nothing stays behind. `best`: what it
-- did in this round in the workload that this one is based on.
local function measure(workload, contestant, best)
  local folder = workload.unix and assert(uv.fs_mkdtemp("/tmp/dgram-bench-XXXXXX"))
  local where = folder and { path = folder .. "/socket" } or {}
  local ok, values = pcall(kinds[workload.kind], workload, contestant, where, best)
  process.stop_all()
  if folder then
    os.remove(where.path)
    uv.fs_rmdir(folder)
  end
  if not ok then fail(values) end
  return ok and metrics(values)
end

-- Whether a contestant's family is installed; looked up once.
local present = {}
local function is_present(contestant)
  local name = workloads.family_of[contestant[1]]
  if present[name] == nil then
    local needs = workloads.families[name].needs
    present[name] = not needs or process.works(needs)
  end
  return present[name]
end

-- results[workload][contestant] = list of metrics, one a round. What failed in the
-- first round is not tried again.
local function run_round(results, round)
  for _, workload in ipairs(workloads.list) do
    if (not only or workload.id:find(only, 1, true)) and
      process.processors() >= (workload.processors or 1) then
      local row = results[workload.id] or {}
      results[workload.id] = row
      local count = #workload.contestants
      for i = 1, count do
        local contestant = workload.contestants[round % 2 == 1 and i or count + 1 - i]
        if is_present(contestant) then
          local samples = row[contestant[1]] or {}
          row[contestant[1]] = samples
          local based = results[workload.base]
          local best = based and based[contestant[1]] and based[contestant[1]][round]
          if samples[1] ~= false and (not workload.base or best) then
            samples[round] = measure(workload, contestant, best)
          end
        end
      end
      io.stderr:write(("round %d of %d: %s\27[K\r"):format(round, rounds, workload.id))
    end
  end
end

-- Runs a program to its end and returns one number it prints.
local function number_of(words, key, seconds)
  local child = process.start(words, 2)
  local ok, value = pcall(process.await, child, key, seconds)
  process.stop_all()
  if not ok then fail(value) end
  return ok and tonumber(value) or nil
end

-- Bytes of one idle socket beyond one idle poll handle of luv.
local function measure_idle()
  local most = tonumber(process.line("ulimit -Hn")) or math.huge
  local count = math.min(10000, most - 100)
  local open = "ulimit -n $(ulimit -Hn); exec " .. lua .. " bench/%s/idle.lua sockets=%d"
  local function each(family, arguments)
    local script = open:format(family, count) .. arguments
    return number_of({ "sh", "-c", script }, "each", 30)
  end
  local bytes = {
    dgram = each("dgram", ""), luv = each("luv", ""),
    at_once = each("dgram", " group=" .. count),
  }
  return bytes.dgram and bytes.luv and bytes.dgram - bytes.luv, bytes, count
end

-- KiB by which receiving and sending let the process grow.
local function measure_flat()
  local count = quick and 1e6 or 1e7
  local words = { lua, "bench/dgram/flat.lua", ("count=%d"):format(count) }
  local sink = process.start({ "build/bench/receiver", "spin=1", "gro=1" }, 1)
  table.insert(words, "ports=" .. process.await(sink, "ports", PATIENCE))
  local sending = number_of(words, "growth", 60)
  table.remove(words)
  local receiver = process.start(words, 2)
  local _, ports = pcall(process.await, receiver, "ports", PATIENCE)
  process.start({ "build/bench/sender", "gso=1", "ports=" .. tostring(ports) }, 1)
  local ok, receiving = pcall(process.await, receiver, "growth", 60)
  process.stop_all()
  return sending and sending / 1024, ok and tonumber(receiving) / 1024, count
end

-- Milliseconds of `require`, the median of a few.
local function measure_require()
  local times = {}
  for _ = 1, quick and 3 or 11 do
    local words = { lua, "bench/dgram/require.lua" }
    times[#times + 1] = number_of(words, "micros", PATIENCE)
  end
  return #times > 0 and statistics.median(times) / 1000
end

local function measure_limits()
  local values = {}
  values.idle, values.each, values.sockets = measure_idle()
  values.flat_send, values.flat_receive, values.datagrams = measure_flat()
  values.require = measure_require()
  return values
end

-- The share of the processors' time that others took since `before`, in percent.
local function others(before)
  local now = process.ticks()
  local total = now.total - before.total
  local busy, own = now.busy - before.busy, now.own - before.own
  return total > 0 and math.max(0, 100 * (busy - own) / total) or nil
end

local function main()
  require "dgram" -- or nothing is worth measuring
  local begin, before = uv.hrtime(), process.ticks()
  local results = {}
  for round = 1, rounds do run_round(results, round) end
  io.stderr:write("\27[K")
  report.write {
    results = results, limits = only and {} or measure_limits(), rounds = rounds,
    present = present, window = window, pinned = process.pinned, partial = only,
    seconds = (uv.hrtime() - begin) / 1e9, disturbed = others(before),
    folder = not only and (setting "OUT" or (quick and "build/bench" or "docs")),
  }
end

-- os.exit, because old versions of luv do not survive the end of the state.
local ok, trouble = xpcall(main, debug.traceback)
process.stop_all()
if not ok then io.stderr:write(trouble, "\n") end
os.exit(ok and failures == 0 and 0 or 1)
