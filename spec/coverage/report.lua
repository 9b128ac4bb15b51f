-- Reports the lines of src/ and lua/ that no spec has run:
--   lua5.4 spec/coverage/report.lua HITS GCOV
-- HITS is the directory of trace.c's files, GCOV that of gcov's. A line that
-- is not covered has its reason in justified.txt. Closes with the total: files
-- that are covered, but for justified lines, and files that are not.
local hits_directory, gcov_directory = arg[1], arg[2]
local LEAST = 95 -- per cent of the lines, justified or not

-- The lines of a command's output, or of a file.
local function lines_of(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

-- Reads the reasons: "FILE: TEXT OF THE LINE -- REASON".
local function read_reasons()
  local reasons = {}
  for line in io.lines("spec/coverage/justified.txt") do
    local file, text = line:match("^(%S+): (.-) %-%- ")
    if file then reasons[file .. ":" .. text] = "unused" end
  end
  return reasons
end

local reasons = read_reasons()

-- What cannot be seen here, by how the file's name begins, and why.
local elsewhere = {
  ["lua/dgram/nginx"] = not os.getenv "DGRAM_NGINX_TRACE"
    and "runs in nginx, which is not here: see spec/nginx_spec.lua" or nil,
  ["lua/dgram/loop/copas"] = not pcall(require, "copas")
    and "runs on copas, which this Lua does not have: see spec/adapter_spec.lua" or nil,
}

-- Returns why a file cannot be seen here, nil if it can.
local function why_elsewhere(name)
  for start, why in pairs(elsewhere) do
    if name:sub(1, #start) == start then return why end
  end
end

-- Tells whether a line that is not covered has a reason.
local function justified(file, text)
  local key = file .. ":" .. text:match("^%s*(.-)%s*$")
  if reasons[key] then reasons[key] = "used" end
  return reasons[key]
end

-- Tells whether nothing runs in a line: a comment, or where a block or the
-- arguments of a call merely end.
local function is_idle(text)
  return text:match("^%s*%-%-") or text:gsub("end", ""):match("^[%s%)%]},;]*$")
end

-- The lines of a Lua file that have code, as luac lists them.
local function active_lines(file)
  local active, text = {}, {}
  for line in io.lines(file) do text[#text + 1] = line end
  for _, line in ipairs(lines_of("luac5.4 -l -l -p " .. file)) do
    local number = tonumber(line:match("^\t%d+\t%[(%d+)%]"))
    if number and not line:match("VARARGPREP") and not is_idle(text[number]) then
      active[number] = text[number]
    end
  end
  return active
end

-- Adds up what all processes saw.
local function read_hits()
  local hits = {}
  for _, file in ipairs(lines_of("ls " .. hits_directory)) do
    for line in io.lines(hits_directory .. "/" .. file) do hits[line] = true end
  end
  return hits
end

local files = {} -- { name, covered, total, missing = { {number, text}... } }

-- Counts a line.
local function count(file, covered, number, text)
  file.total = file.total + 1
  if covered then file.covered = file.covered + 1 return end
  if not justified(file.name, text) then
    table.insert(file.missing, { number, text })
  end
end

-- Adds a file to the report.
local function new_file(name)
  local file = { name = name, covered = 0, total = 0, missing = {} }
  files[#files + 1] = file
  return file
end

local hits = read_hits()
for _, name in ipairs(lines_of("find lua -name '*.lua' | sort")) do
  local why = why_elsewhere(name)
  if why then
    print("not measured: " .. name .. ", which " .. why)
  else
    local file = new_file(name)
    for number, text in pairs(active_lines(name)) do
      count(file, hits[name .. ":" .. number], number, text)
    end
  end
end
for _, path in ipairs(lines_of("ls " .. gcov_directory .. "/*.gcov")) do
  local name = "src/" .. path:match("([^/]*)%.gcov$"):gsub(",", "/")
  local file = new_file(name)
  file.branches, file.taken, file.untaken = 0, 0, {}
  local place
  for line in io.lines(path) do
    local mark, number, text = line:match("^%s*([^:]+):%s*(%d+):(.*)$")
    place = mark and { tonumber(number), text } or place
    if mark and mark ~= "-" and tonumber(number) > 0 then
      count(file, not mark:match("#####"), tonumber(number), text)
    end
    local branch = line:match("^branch%s+%d+ (%a+)")
    if branch then
      file.branches = file.branches + 1
      local times = tonumber(line:match("taken (%d+)")) or 0
      file.taken = file.taken + (times > 0 and 1 or 0)
      if times == 0 then table.insert(file.untaken, place) end
    end
  end
end

-- Tells of a group of files how much is covered; returns the percentage.
local function summary(title, pattern)
  local covered, total, taken, branches = 0, 0, 0, 0
  for _, file in ipairs(files) do
    if file.name:match(pattern) then
      covered, total = covered + file.covered, total + file.total
      taken, branches = taken + (file.taken or 0), branches + (file.branches or 0)
    end
  end
  local percent = 100 * covered / total
  print(("%s: %.1f %% of %d lines%s"):format(title, percent, total,
    branches > 0 and (", %.1f %% of %d branches"):format(
      100 * taken / branches, branches) or ""))
  return percent
end

local passed, failed = 0, 0
for _, file in ipairs(files) do
  print(("%5.1f %%  %s"):format(100 * file.covered / file.total, file.name))
  table.sort(file.missing, function(a, b) return a[1] < b[1] end)
  for _, missing in ipairs(file.missing) do
    print(("         %d: %s"):format(missing[1], missing[2]))
  end
  for _, place in ipairs(os.getenv "BRANCHES" == "1" and file.untaken or {}) do
    print(("  branch %d: %s"):format(place[1], place[2]))
  end
  if file.missing[1] then failed = failed + 1 else passed = passed + 1 end
end
for key, state in pairs(reasons) do
  if state == "unused" then print("covered after all: " .. key) end
end
for title, pattern in pairs { Lua = "^lua/", C = "^src/" } do
  if summary(title, pattern) < LEAST then failed = failed + 1 end
end
print(("\n%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
