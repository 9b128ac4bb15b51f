-- Do the specs notice? Changes one condition of the library at a time, in a copy
-- of the project, and runs the specs until one fails. A change nobody notices
-- has survived: a line that is not tested, or not needed.
--
--   make mutate COUNT=60 [SEED=1] [FILES="src/send.c lua/dgram/send.lua"]
--
-- Closes with "N passed, N failed": changes that were noticed, and survivors.
-- Fails when more than one in ten survives.
local count, seed = tonumber(arg[1]) or 60, tonumber(arg[2]) or 1
local lua = os.getenv("LUA") or "lua5.4"

local LIMIT = 40 -- seconds a spec file may take

-- What is changed: the text, as a pattern, and what it becomes.
local changes = {
  c = {
    { " < ", " >= " }, { " > ", " <= " }, { " <= ", " > " },
    { " >= ", " < " }, { " == ", " != " }, { " != ", " == " },
    { " && ", " || " }, { " || ", " && " }, { "%(!", "(" },
    { " %+ 1", "" }, { " %- 1", "" }, { "%+%+;", "--;" },
  },
  lua = {
    { " < ", " >= " }, { " > ", " <= " }, { " <= ", " > " },
    { " >= ", " < " }, { " == ", " ~= " }, { " ~= ", " == " },
    { " and ", " or " }, { " or ", " and " }, { " not ", " " },
    { " %+ 1", "" }, { " %- 1", "" }, { " true", " false" },
    { " false", " true" },
  },
}

-- The output of a command, line by line.
local function lines_of(command)
  local pipe, list = assert(io.popen(command)), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

-- Tells whether a line is a comment, or one the preprocessor decides on.
local function is_comment(line)
  return line:match("^%s*%-%-") or line:match("^%s*[/*#]")
end

-- Adds every place of a line where a change fits.
local function find_places(list, file, number, line)
  for _, change in ipairs(changes[file:match("%.(%a+)$")]) do
    local from = 1
    while true do
      local first, last = line:find(change[1], from)
      if not first then break end
      list[#list + 1] = { file = file, number = number, line = line,
        changed = line:sub(1, first - 1) .. change[2] .. line:sub(last + 1) }
      from = last
    end
  end
end

local sources = {} -- the lines of each file, as they were in the beginning

-- Lists all places of all files.
local function all_places(files)
  local list = {}
  for _, file in ipairs(files) do
    sources[file] = {}
    for line in io.lines(file) do
      table.insert(sources[file], line)
      if not is_comment(line) then
        find_places(list, file, #sources[file], line)
      end
    end
  end
  return list
end

-- Chooses some at random; the same ones for the same seed.
local function choose(list)
  math.randomseed(seed)
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
  return table.move(list, 1, math.min(count, #list), 1, {})
end

-- Writes a file of the copy, with one line changed if there is a change.
local function write(copy, file, place)
  local out = assert(io.open(copy .. "/" .. file, "w"))
  for number, line in ipairs(sources[file]) do
    if place and number == place.number then line = place.changed end
    out:write(line, "\n")
  end
  out:close()
end

-- The commands that may notice a change, the likeliest first.
local function commands_for(file)
  local name, first, rest = file:match("([^/]*)%.%a+$") or "", {}, {}
  for _, spec in ipairs(lines_of("ls spec/*_spec.lua")) do
    local slow = spec:match("docs_spec") or spec:match("examples_spec")
    local list = spec:match("/" .. name .. "_spec") and first or rest
    if not slow then list[#list + 1] = "spec/run " .. spec end
  end
  table.move(rest, 1, #rest, #first + 1, first)
  first[#first + 1] = "spec/faults/run"
  first[#first + 1] = "spec/net/run"
  return first
end

-- Runs a command in the copy, with processes and a network of its own, none of
-- which outlives it; returns whether it succeeded.
local function succeeds(copy, command)
  local script = ([[ip link set lo up && cd %s && unset LUA_PATH LUA_CPATH && ulimit -v 8000000 &&
    eval "$(make -s env)" && export LIMIT=%d LUA=%s CHECKS=%s/checks && %s]])
    :format(copy, LIMIT, lua, copy, command)
  return (os.execute(("timeout -k 5 %d unshare -Urnpf --kill-child=KILL "
    .. "--mount-proc sh -c '%s' >%s/log 2>&1"):format(6 * LIMIT, script, copy)))
end

-- Tells what becomes of a change: "stillborn", "survived", or what noticed it.
local function try(copy, place, good)
  write(copy, place.file, place)
  local fate = "survived"
  if place.file:match("%.c$") and not succeeds(copy, "make -s") then
    fate = "stillborn"
  else
    for _, command in ipairs(commands_for(place.file)) do
      if good[command] and not succeeds(copy, command) then
        fate = command:match("(%S+)$")
        break
      end
    end
  end
  write(copy, place.file)
  return fate
end

-- Makes the copy, with the helpers of the fault and network specs.
local function make_copy()
  local copy = lines_of("mktemp -d ${TMPDIR:-/tmp}/dgram-mutate.XXXXXX")[1]
  assert(os.execute(("cp -r Makefile src lua spec examples docs *.md "
    .. "*.rockspec .busted %s 2>/dev/null; mkdir %s/checks; "
    .. "cp $CHECKS/faults.so $CHECKS/host $CHECKS/netns.so %s/checks; "
    .. "cd %s && make -s"):format(copy, copy, copy, copy)))
  return copy
end

-- Leaves out what fails without any change, and says so: it notices nothing.
local function check_commands(copy)
  local good = {}
  for _, command in ipairs(commands_for("")) do
    good[command] = succeeds(copy, command)
    if not good[command] then print("fails unchanged: " .. command) end
  end
  return good
end

local files = lines_of(os.getenv("FILES") ~= "" and os.getenv("FILES")
  and "ls " .. os.getenv("FILES")
  or "ls src/*.c lua/*.lua lua/dgram/*.lua | grep -v nginx")
local places = choose(all_places(files))
local copy = make_copy()
local good = check_commands(copy)
local noticed, survived, stillborn = 0, 0, 0
for _, place in ipairs(places) do
  local fate = try(copy, place, good)
  if fate == "stillborn" then stillborn = stillborn + 1
  elseif fate ~= "survived" then noticed = noticed + 1
  else
    survived = survived + 1
    print(("survived  %s:%d:\n  -%s\n  +%s"):format(place.file, place.number,
      place.line, place.changed))
    io.stdout:flush()
  end
end
os.execute("rm -rf " .. copy)
print(("%d changes did not compile"):format(stillborn))
print(("\n%d passed, %d failed"):format(noticed, survived))
os.exit(survived * 10 < noticed + survived)
