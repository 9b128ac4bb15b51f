-- Writes what a benchmark found: to the screen, and as a document with a chart.
local process = require "bench.process"
local statistics = require "bench.statistics"
local uv = require "luv"
local workloads = require "bench.workloads"

local report = {}

local by_id = {}
for _, workload in ipairs(workloads.list) do by_id[workload.id] = workload end

local METHOD = [[
## How it is measured

Each round runs every workload for every contestant, one after the other, in one
order and then in the other; a ratio is taken within a round, and its median over the
rounds is what counts. In brackets: the lowest and the highest round. What is
measured has one core, the other side has the other one.

* The other side is a small C program: for senders a sink that never sleeps, for receivers
  `UDP_SEGMENT` trains (GSO) or `sendmmsg` (plain), for echo servers a load generator that
  never sleeps and sends each request as its own datagram.
* A plain sender pays the kernel's whole path for each datagram, so its core is the limit
  and most receivers wait for it, C the longest: there the CPU time a message tells them
  apart, not the rate.
* The contestant C makes the same system calls as the workload needs and nothing else:
  it makes no string, no table and no callback. It is the limit.
* Messages sent are those the kernel took; messages received are those delivered to the
  program. CPU is the user and system time of the measured process a message.
* Senders send 256 messages a turn of the loop; dgram stops when `send()` returns false,
  until `'drain'`. With callbacks 256 are in flight and each callback sends the next.
  LuaSocket blocks. One destination is a connected socket for everyone.
* 1, 100 and 1000 sockets have a plain sender: 64 datagrams for one socket, then 64 for the
  next. In the last row each datagram is for the next socket, so that nothing can be read
  in batches, by anyone.
* Half of the rate: requests at an even pace, half as many as the same contestant
  answered with 64 in flight in this round.
* Workers need a processor each, and one for the sender: with fewer they are not measured.
* busyPoll is 50 microseconds. Bun and Deno run Node's programs.
* Where there is no row, the contestant has nothing of the kind (Node and luv have no
  unix datagrams). Unix datagrams are under the kernel's own limit of datagrams that
  wait at a receiver (`net.unix.max_dgram_qlen`).
]]

-- 8310000 -> "8.31 M"; 302000 -> "302 k".
local function scaled(number)
  if number >= 1e6 then return ("%.2f M"):format(number / 1e6) end
  if number >= 1e3 then return ("%.0f k"):format(number / 1e3) end
  return ("%.0f"):format(number)
end

local function fixed(format)
  return function(number) return format:format(number) end
end

-- "median (least–greatest)", or a dash.
local function spread(list, format)
  if #list == 0 then return "–" end
  local low, high = statistics.range(list)
  local median = format(statistics.median(list))
  if #list == 1 then return median end
  return ("%s (%s–%s)"):format(median, format(low), format(high))
end

-- One row of a Markdown table.
local function row(...)
  return "| " .. table.concat({ ... }, " | ") .. " |"
end

-- The contestants of a workload that were measured, in order.
local function contestants(results, id)
  local list = {}
  for _, name in ipairs(workloads.order) do
    if results[id] and results[id][name] then table.insert(list, name) end
  end
  return list
end

-- dgram's metric as a multiple of another contestant's; empty for itself.
local function multiple(results, id, name, metric)
  if name == "dgram" then return "" end
  local list = statistics.ratios(results[id].dgram, results[id][name], metric)
  return #list > 0 and ("%.2f×"):format(statistics.median(list)) or "–"
end

-- Appends a table with a heading, unless it has no rows.
local function append_table(lines, heading, columns, rows)
  if #rows == 0 then return end
  table.insert(lines, "\n## " .. heading .. "\n")
  table.insert(lines, "| " .. table.concat(columns, " | ") .. " |")
  table.insert(lines, "|" .. ("---|"):rep(#columns))
  for _, line in ipairs(rows) do table.insert(lines, line) end
end

local RATIO = {}

-- The columns of the two tables: heading, metric, and how it is written; RATIO: as
-- dgram's multiple.
local STREAM = {
  { "messages/s", "rate", scaled },
  { "CPU ns/message", "cpu", fixed "%.0f" },
  { "dgram's rate", "rate", RATIO },
  { "dgram's CPU", "cpu", RATIO },
}
local ECHO = {
  { "echoes/s", "rate", scaled },
  { "p50 µs", "p50", fixed "%.1f" },
  { "p99 µs", "p99", fixed "%.1f" },
  { "server's CPU ns/echo", "cpu", fixed "%.0f" },
  { "dgram's rate", "rate", RATIO },
  { "dgram's p50", "p50", RATIO },
}

-- One contestant's row; the title stands in the first of a workload only.
local function contestant_row(results, id, name, title, columns)
  local cells = { title, name }
  for _, column in ipairs(columns) do
    local metric, format = column[2], column[3]
    local values = statistics.values(results[id][name], metric)
    local text = format == RATIO and multiple(results, id, name, metric)
    table.insert(cells, text or spread(values, format))
  end
  return "| " .. table.concat(cells, " | ") .. " |"
end

-- The table of the workloads that are echoes, or of those that are not.
local function result_table(run, lines, heading, columns, is_echo)
  local rows, headings = {}, { "workload", "contestant" }
  for _, column in ipairs(columns) do table.insert(headings, column[1]) end
  for _, workload in ipairs(workloads.list) do
    local title = workload.title
    local names = (workload.kind == "echo" or workload.kind == "latency") == is_echo and
      contestants(run.results, workload.id) or {}
    for _, name in ipairs(names) do
      table.insert(rows, contestant_row(run.results, workload.id, name, title, columns))
      title = ""
    end
  end
  append_table(lines, heading, headings, rows)
end

local METRICS = { rate = "rate", cpu = "CPU a message", p50 = "p50" }

-- "met" or "**missed**", by a target's or a limit's bound.
local function outcome(goal, value)
  if not value then return "not measured" end
  local met = (not goal.least or value >= goal.least) and
    (not goal.most or value <= goal.most)
  return met and "met" or "**missed**"
end

-- "≥ 15×", "≤ 2 ms".
local function bound(goal, unit)
  return (goal.least and "≥ " or "≤ ") .. (goal.least or goal.most) .. unit
end

-- The ratios of a target: against another contestant, or against another workload.
local function target_ratios(results, target)
  local ours = (results[target.workload] or {})[target.contestant or "dgram"]
  local theirs = target.base and (results[target.base] or {}).dgram or
    (results[target.workload] or {})[target.against]
  return statistics.ratios(ours, theirs, target.metric)
end

-- The table of the targets and of the limits of one process.
local function target_rows(run, lines)
  table.insert(lines, row("workload", "against", "measure", "target", "measured", ""))
  table.insert(lines, "|---|---|---|---|---|---|")
  for _, target in ipairs(workloads.targets) do
    local ratios = target_ratios(run.results, target)
    if #ratios > 0 or not run.partial then
      local title = by_id[target.workload].title
      table.insert(lines, row(
        title .. (target.contestant and ", " .. target.contestant or ""),
        target.against or by_id[target.base].title, METRICS[target.metric],
        bound(target, "×"), spread(ratios, fixed "%.2f×"),
        outcome(target, statistics.median(ratios))))
    end
  end
  for _, limit in ipairs(run.partial and {} or workloads.limits) do
    local value = run.limits[limit.value] or nil
    table.insert(lines, row(limit.title, "", limit.unit,
      bound(limit, " " .. limit.unit),
      value and ("%.4g %s"):format(value, limit.unit) or "–", outcome(limit, value)))
  end
end

-- What the run was made on, and when.
local function machine_rows(run, lines)
  local lua = os.getenv("LUA") or "lua5.4"
  local versions = {
    { "date", os.date("!%Y-%m-%d %H:%M UTC") },
    { "processor", ("%s, %d cores"):format(uv.cpu_info()[1].model, #uv.cpu_info()) },
    { "kernel", process.line("uname -srm") },
    { "dgram", process.line(lua .. " -e 'print(require(\"dgram\")._VERSION)'") },
    { "commit", process.line("git describe --always --dirty") },
    { "Lua", process.line(lua .. " -v") },
    { "libuv under luv", uv.version_string() },
    { "LuaJIT", run.present.LuaJIT and process.line("luajit -v") or "not installed" },
    { "Node", run.present.Node and process.line("node -v") or "not installed" },
    { "Bun", run.present.Bun and process.line("bun -v") or "not installed" },
    { "Deno", run.present.Deno and process.line("deno -V") or "not installed" },
    { "LuaSocket", run.present.LuaSocket and
      process.line(lua .. " -e 'print(require(\"socket\")._VERSION)'") or "not installed" },
    { "C compiler", process.line((os.getenv("CC") or "cc") .. " --version") },
    { "run", ("%d rounds, %.1f s of each after %.1f s of warm-up, %.0f s in all"):format(
      run.rounds, run.window.time, run.window.warmup, run.seconds) },
    { "others' load", run.disturbed and
      ("%.0f %% of the processors' time"):format(run.disturbed) },
  }
  table.insert(lines, row("", ""))
  table.insert(lines, "|---|---|")
  for _, pair in ipairs(versions) do
    table.insert(lines, row(pair[1], pair[2] or "unknown"))
  end
  if not run.pinned then
    table.insert(lines, "\nThe processes were not bound to cores of their own.")
  end
end

local MEMORY = [[

Idle sockets: %d poll handles of luv take %d bytes each, as many sockets of dgram with a
listener %d bytes each, opened one after the other (%d bytes when all are opened in one turn
of the loop: what Lua's heap grew to meanwhile stays with the process). In 5.4 they are the
core's socket with its queue, limits and counters (about 600 bytes), a table of nine fields
(260), the lists of listeners (200), the core's own table, and the loop's handle with the
closure it calls (500); the rest is malloc's. Growth: over the last
nine tenths of %d datagrams, garbage collected. `require`: nearly all of it is the compiler's,
of 21 million instructions. A seventh compiles what a plain socket may do without (coroutines,
signals, block lists): loaded at its first use that would miss the target just the same, and be
compiled in the middle of a program's work instead of at its start.]]

-- What the memory rows rest on.
local function memory_lines(run, lines)
  local each = run.limits.each
  if not each or not each.luv then return end
  table.insert(lines, MEMORY:format(run.limits.sockets, each.luv, each.dgram or 0,
    each.at_once or 0, run.limits.datagrams))
end

local function lines_of(run)
  local lines = {
    "# Benchmark", "",
    "Written by `make bench`. 64-byte datagrams on the loopback interface, through the",
    "public API, where nothing else is said.", "",
    "![messages a second by workload](benchmark.svg)", "",
  }
  machine_rows(run, lines)
  table.insert(lines, "\n## Targets\n")
  target_rows(run, lines)
  memory_lines(run, lines)
  result_table(run, lines, "Streams", STREAM, false)
  result_table(run, lines, "Echo", ECHO, true)
  table.insert(lines, "\n" .. METHOD)
  return lines
end

local CHART = [[
set terminal svg size 1200,480 noenhanced font "sans-serif,11" background "white"
set output "%s"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set logscale y
set yrange [1e4:*]
set format y "%%.0s %%c"
set ylabel "messages a second"
set grid ytics lc rgb "#dddddd"
set xtics nomirror scale 0
set bmargin 4
set key outside top center horizontal
set datafile missing "?"
plot %s
]]

local COLOURS = {
  ["dgram"] = "#1f5fa8", ["dgram LuaJIT"] = "#7fb2e5", ["Bun"] = "#c9a36b",
  ["Node"] = "#5fa04e", ["luv"] = "#d98f2b",
  ["LuaSocket"] = "#9a6fb0", ["C"] = "#999999",
}

-- The medians as gnuplot's data block: a workload a line, a contestant a column.
local function chart_data(run, names)
  local lines = {}
  for _, workload in ipairs(workloads.list) do
    local cells = { ('"%s"'):format(workload.label) }
    for _, name in ipairs(names) do
      local samples = (run.results[workload.id] or {})[name]
      local rate = statistics.median(statistics.values(samples, "rate"))
      table.insert(cells, rate and ("%.0f"):format(rate) or "?")
    end
    if workload.label then table.insert(lines, table.concat(cells, " ")) end
  end
  return table.concat(lines, "\n")
end

-- Draws the chart where gnuplot is installed.
local function draw(run, path)
  local names, plots = {}, {}
  for _, name in ipairs(workloads.order) do
    if COLOURS[name] then table.insert(names, name) end
  end
  for i, name in ipairs(names) do
    table.insert(plots, ('$data using %d%s title "%s" lc rgb "%s"'):format(
      i + 1, i == 1 and ":xtic(1)" or "", name, COLOURS[name]))
  end
  if not process.works("gnuplot -V") then
    return io.stderr:write("gnuplot is not installed: no chart\n")
  end
  local gnuplot = io.popen("gnuplot", "w")
  gnuplot:write("$data << EOD\n", chart_data(run, names), "\nEOD\n",
    CHART:format(path, table.concat(plots, ", ")))
  gnuplot:close()
end

-- Prints the report; writes it and its chart to run.folder where there is one.
function report.write(run)
  local document = table.concat(lines_of(run), "\n")
  print(document)
  if not run.folder then return end
  uv.fs_mkdir(run.folder, 493) -- 0755; there already is fine
  local file = assert(io.open(run.folder .. "/benchmark.md", "w"))
  file:write(document)
  file:close()
  draw(run, run.folder .. "/benchmark.svg")
  print("written: " .. run.folder .. "/benchmark.md, benchmark.svg")
end

return report
