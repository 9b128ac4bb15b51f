-- Do the specs notice? Changes one condition of the library at a time, in a copy
-- of the project, and runs the specs until one fails twice, and passes without the
-- change: then it was no accident. A change nobody notices has survived: a line that
-- is not tested, or not needed. equivalent.txt lists changes that make no difference.
--
--   make mutate COUNT=60 [SEED=1] [JOBS=1]
--     [FILES="src/engine/queue.c lua/dgram/send.lua:12"]
--
-- Asks only the spec files that run the changed line. What these run, and what became
-- of each change, is kept in build/mutate until something is edited: a run that was
-- broken off goes on where it stood. JOBS asks so many specs at a time: most of what
-- they take is waiting. Fails when one in ten survives, or more: while it may be as
-- many, the specs that take longest are asked, too. Closes with "1 passed, 0 failed",
-- or the other way round.
local count, seed = tonumber(arg[1]) or 60, tonumber(arg[2]) or 1
local jobs, part = tonumber(os.getenv("JOBS")) or 1, tonumber(os.getenv("PART"))
local lua = os.getenv("LUA") or "lua5.4"
io.stdout:setvbuf("line")

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

-- The output of a command, line by line, and whether it succeeded.
local function lines_of(command)
  local pipe, list = assert(io.popen(command)), {}
  for line in pipe:lines() do list[#list + 1] = line end
  return list, pipe:close()
end

-- Tells whether a line is a comment, or one the preprocessor decides on.
local function is_comment(line)
  return line:match("^%s*%-%-") or line:match("^%s*[/*#]")
end

-- Adds every place of a line where a change fits, but not in its comment.
local function find_places(list, file, number, line)
  local ending = line:find(" %-%- ") or line:find("/%*") or #line
  for _, change in ipairs(changes[file:match("%.(%a+)$")]) do
    local from = 1
    while true do
      local first, last = line:find(change[1], from)
      if not first or first > ending then break end
      local text = line:sub(1, first - 1) .. change[2] .. line:sub(last + 1)
      list[#list + 1] = { file = file, number = number, line = line, changed = text,
        id = table.concat({ file, number, text }, "\t") }
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
    local inside = false -- a comment of several lines
    for line in io.lines(file) do
      table.insert(sources[file], line)
      if not (inside or is_comment(line)) then
        find_places(list, file, #sources[file], line)
      end
      inside = line:find("/%*") and true or inside
      inside = inside and not line:find("%*/")
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

local folder = lines_of("mktemp -d ${TMPDIR:-/tmp}/dgram-mutate.XXXXXX")[1]

-- Makes a copy, with the helpers of the fault and network specs. There a spec file
-- ends with the first test that fails, and no module tells where it was compiled.
local function make_copy(name, flags)
  local copy = folder .. "/" .. name
  assert(os.execute(("mkdir -p %s/checks && cp $CHECKS/*.so $CHECKS/host %s/checks && "
    .. "tar --exclude=./build --exclude=./.git -c . | tar -x -C %s && cd %s && "
    .. "sed -i 's/busted.lua/& --no-keep-going/' spec/run && "
    .. "unset LUA_PATH LUA_CPATH && make -s env CFLAGS='%s' >environment && "
    .. "ls build/*/dgram/core.so >built && cp $(cat built) ."):format(
      copy, copy, copy, copy, flags)))
  return copy
end

-- Makes the same once more.
local function copy_of(original, name)
  local copy = folder .. "/" .. name
  assert(os.execute(("cp -a %s %s && cd %s && unset LUA_PATH LUA_CPATH && "
    .. "make -s env CFLAGS=-O1 >environment"):format(original, copy, copy)))
  return copy
end

-- Where the copies are: as it was, with changes, and with a module that counts, when
-- something has to be counted.
local original = part and copy_of(os.getenv("ORIGINAL"), "original")
  or make_copy("original", "-O1")
local changed, counting = copy_of(original, "changed"), nil

-- Seconds of a clock.
local function now() return tonumber(lines_of("date +%s.%N")[1]) end

-- Writes a file of the copy, with the lines that are changed.
local function write(file, changed_lines)
  local out = assert(io.open(changed .. "/" .. file, "w"))
  for number, line in ipairs(sources[file]) do
    out:write(changed_lines[number] or line, "\n")
  end
  out:close()
end

local applied = {} -- the changes that the copy has

-- Puts a file of the copy back as it was, and what is compiled of it.
local function restore(file)
  local object = file:gsub("^src/(.*)%.c$", "build/*/obj/%1.o")
  os.execute(("cd %s && cp -p --parents %s %s && cp --parents %s %s"):format(original,
    file, changed, object, changed))
end

-- Puts these changes into the copy, and no others; returns whether it compiles.
local function apply(places)
  local files = {}
  for _, place in ipairs(applied) do restore(place.file) end
  for _, place in ipairs(places) do
    files[place.file] = files[place.file] or {}
    files[place.file][place.number] = place.changed
  end
  for file, changed_lines in pairs(files) do write(file, changed_lines) end
  applied = places
  return os.execute(("make -s -C %s CFLAGS=-O1 >%s/log 2>&1"):format(changed, changed))
end

-- Tells whether a change of C is one of code for other systems.
local function is_same(file)
  return file:match("%.c$")
    and os.execute(("cd %s && cmp -s $(cat built) core.so"):format(changed))
end

-- ------------------------------------------------- what is asked, and what for

local commands = {} -- { text, name, seconds, ran = { ["file:line"] = true } }, fastest first

-- What is kept of a run in build/mutate, while nothing that it depends on is edited:
-- the result of a command, all fates. Returns the file's name, and the sum for now.
local function kept(name, specs)
  local sum = lines_of(("LC_ALL=C; export LC_ALL; find Makefile src lua examples docs bench "
    .. "spec/*/ %s -type f -not -path 'spec/mutate/*' | sort | xargs cat | cksum"):format(
    specs))[1]
  return "build/mutate/" .. name:gsub("[^%w]", "_"), sum:match("%d+")
end

-- How a command is run in a copy, for so many seconds at most.
local function sheltered(copy, text, seconds)
  return ("LUA=%s spec/mutate/shelter %s %.0f '%s'"):format(lua, copy, seconds, text)
end

-- Runs a command in a copy; returns whether it succeeded.
local function succeeds(copy, text, seconds)
  return os.execute(sheltered(copy, text, seconds))
end

-- The seconds that commands get which took so many: the machine may be busy.
local function limit_of(seconds) return 20 + 3 * seconds end

-- Runs a command with the changes and without any, both at a time; returns whether
-- it is the changes that have it fail.
local function fails_for_them(text, seconds)
  return os.execute(("%s & changed=$!; %s; original=$?; ! wait $changed && exit $original")
    :format(sheltered(changed, text, seconds), sheltered(original, text, seconds)))
end

-- Runs a command without any change, and keeps which lines it ran: nothing, if it
-- fails; "all", if it does so only where they are counted.
local function record(text, name, sum)
  counting = counting or make_copy("counting", "-O0 --coverage")
  local begin = now()
  local lines, ok = lines_of(("LUA=%s spec/mutate/ran %s 1800 '%s'"):format(lua,
    counting, text))
  if not ok then lines = succeeds(original, text, 1800) and { "all" } or {} end
  if not lines[1] and not ok then
    print("fails unchanged: " .. text)
    os.execute("tail -n 20 " .. original .. "/log")
  end
  local out = assert(io.open(name, "w"))
  out:write(table.concat({ sum, now() - begin, table.unpack(lines) }, "\n"), "\n")
  out:close()
end

-- What is known of a command; nil if it fails without any change.
local function read_command(text)
  local name, sum = kept(text, text:match("%S+$"))
  local file = io.open(name)
  if not file or file:read() ~= sum then
    record(text, name, sum)
    file = assert(io.open(name))
    file:read()
  end
  local command = { text = text, name = text:match("([^/]*)$"),
    seconds = tonumber(file:read()), ran = {} }
  for line in file:lines() do command.ran[line] = true end
  file:close()
  return next(command.ran) and command
end

-- Reads, or finds out, what each spec file runs.
local function list_commands()
  for runner, pattern in pairs { ["spec/run"] = "spec/*_spec.lua",
    ["spec/net/run"] = "$(ls spec/net/*.lua | grep -v network)",
    ["spec/faults/run"] = "$(ls spec/faults/*.lua | grep -vE 'case|scenarios')" } do
    for _, spec in ipairs(lines_of("ls " .. pattern)) do
      commands[#commands + 1] = read_command(runner .. " " .. spec)
    end
  end
  table.sort(commands, function(a, b) return a.seconds < b.seconds end)
end

-- Tells whether a spec passes without any change.
local function passes(spec)
  for _, command in ipairs(commands) do
    if command.text == "spec/run " .. spec then return true end
  end
  return false
end

-- What only a host runs that may not be here, by how the file's name begins: whether
-- the host is.
local hosted = {
  ["lua/dgram/nginx"] = function() return passes "spec/nginx_spec.lua" end,
  ["lua/dgram/loop/copas"] = function()
    return os.execute(lua .. " -e 'require [[copas]]' 2>/dev/null")
  end,
  ["lua/dgram/deliver"] = function() -- of LuaJIT
    return os.execute(lua .. " -e 'assert(jit)' 2>/dev/null")
  end,
}

-- Tells whether a command runs a line or its neighbours, of the same condition.
local function concerns(command, place)
  if command.ran.all then return true end
  for number = place.number - 1, place.number + 1 do
    if command.ran[place.file .. ":" .. number] then return true end
  end
  return false
end

local noticing = {} -- file -> the spec's name -> how many of its changes it noticed

-- Notes what noticed a change of a file.
local function note(file, spec)
  noticing[file] = noticing[file] or {}
  noticing[file][spec] = (noticing[file][spec] or 0) + 1
end

-- The commands that may notice a change, the likeliest first: the spec of the
-- file's name, what noticed others, the fastest. All of them for what none was seen
-- to run: a process that is killed leaves no counts.
local function commands_for(place)
  local name, list, weight = place.file:match("([^/]*)%.%a+$"), {}, {}
  local noticed = noticing[place.file] or {}
  for _, command in ipairs(commands) do
    if concerns(command, place) then list[#list + 1] = command end
    local own = command.name == name .. "_spec.lua"
    weight[command] = (own and 0 or command.seconds) / (1 + (noticed[command.name] or 0)) ^ 2
  end
  if not list[1] then list = table.move(commands, 1, #commands, 1, {}) end
  table.sort(list, function(a, b) return weight[a] < weight[b] end)
  return list
end

-- Tells whether some changes are of different lines, so that all can be made.
local function are_apart(places)
  local seen = {}
  for _, place in ipairs(places) do
    local line = place.file .. ":" .. place.number
    if seen[line] then return false end
    seen[line] = true
  end
  return true
end

-- Lists which of some changes a command notices. Together first, for it mostly
-- notices none; then by halves. One alone has to fail twice, and its absence not.
local function noticed_by(command, places)
  if not places[1] then return {} end
  local text, limit = command.text, limit_of(command.seconds)
  apply(places)
  if are_apart(places) and succeeds(changed, text, limit) then return {} end
  if not places[2] then
    if fails_for_them(text, limit) then return places end
    print("fails at times: " .. text)
    return {}
  end
  local half = #places // 2
  local list = noticed_by(command, { table.unpack(places, 1, half) })
  local rest = noticed_by(command, { table.unpack(places, half + 1) })
  return table.move(rest, 1, #rest, #list + 1, list)
end

local fates, known = nil, {} -- the file that keeps them; of runs that were broken off

-- Keeps what became of a change, for this run and others.
local function keep(place, fate)
  if known[place.id] == fate then return end
  known[place.id] = fate
  fates:write(fate, "\t", place.id, "\n")
  fates:flush()
end

-- Decides what became of a change: "stillborn", "survived", or what noticed it; for
-- other runs it is known as that, or as `known_as`.
local function decide(place, fate, known_as)
  local is_news = known[place.id] ~= fate
  keep(place, known_as or fate)
  place.fate = fate
  if fate == "survived" then
    print(("survived  %s:%d:\n  -%s\n  +%s"):format(place.file, place.number,
      place.line, place.changed))
  elseif is_news and fate ~= "stillborn" then
    print(("noticed   %s:%d by %s"):format(place.file, place.number, fate))
  end
end

-- Asks a command for some changes.
local function ask(command, places)
  for _, place in ipairs(noticed_by(command, places)) do
    note(place.file, command.name)
    decide(place, command.name)
  end
end

-- Commands of so many seconds in all are asked for each change alone, the others for
-- so many changes at a time; those that take longer than that, for all that are left.
local ALONE, TOGETHER, QUICK = 8, 16, 30

-- Lists the likeliest commands for a change, and the seconds they take; notes the
-- others as left.
local function likeliest(place)
  local list, seconds = {}, 0
  place.left = {}
  for _, command in ipairs(commands_for(place)) do
    if seconds + command.seconds <= ALONE then
      list[#list + 1], seconds = command, seconds + command.seconds
    else
      place.left[command] = true
    end
  end
  return list, seconds
end

-- Returns which of some commands was the last to run with the changes.
local function last_of(list)
  local line = lines_of("grep '^== ' " .. changed .. "/log | tail -n 1")[1] or ""
  for _, command in ipairs(list) do
    if command.text:match("%S+$") == line:match("%S+$") then return command end
  end
end

-- Asks the likeliest commands for a change, up to the first that fails.
local function ask_first(place)
  if not apply({ place }) or is_same(place.file) then
    return decide(place, "stillborn")
  end
  local list, seconds = likeliest(place)
  local texts = {}
  for i, command in ipairs(list) do texts[i] = command.text end
  local ok = succeeds(changed, table.concat(texts, " && "), limit_of(seconds))
  local command = not ok and last_of(list)
  if command and fails_for_them(command.text, limit_of(command.seconds)) then
    note(place.file, command.name)
    return decide(place, command.name)
  elseif not ok then
    for _, each in ipairs(list) do place.left[each] = true end
  end
end

-- Asks the slow commands, or all others, for the changes that were not noticed;
-- returns those that still are not.
local function ask_together(places, slow)
  for _, command in ipairs(commands) do
    local left = {}
    for _, place in ipairs(places) do
      if not place.fate and place.left[command] then left[#left + 1] = place end
    end
    if (command.seconds > QUICK) == slow then ask(command, left) end
  end
  local rest = {}
  for _, place in ipairs(places) do
    if not place.fate then rest[#rest + 1] = place end
  end
  return rest
end

-- Asks all but the slow commands for some changes; returns those that none of them
-- noticed.
local function ask_quick(places)
  local rest = ask_together(places, false)
  for _, place in ipairs(rest) do
    print(("so far    %s:%d: %s"):format(place.file, place.number, place.changed))
    keep(place, "so far")
  end
  return rest
end

-- Asks all but the slow commands for the changes of which nothing is known.
local function ask_for(places)
  local waiting = {}
  for _, place in ipairs(places) do
    if not known[place.id] then ask_first(place) end
    if not known[place.id] then waiting[#waiting + 1] = place end
    if #waiting == TOGETHER then
      ask_quick(waiting)
      waiting = {}
    end
  end
  ask_quick(waiting)
end

-- Returns how many changes have a fate.
local function count_fates(places, fate)
  local n = 0
  for _, place in ipairs(places) do
    if place.fate == fate then n = n + 1 end
  end
  return n
end

-- Tells whether fewer than one in ten would survive if those without a fate did.
local function are_few(places, survived)
  return survived == 0 or survived * 10 < #places - count_fates(places, "stillborn")
end

-- Decides what is left when all but the slow commands were asked: these are, while
-- too many are left. If not, a run for which these are too many still has to ask.
local function decide_all(places)
  local unnoticed = {}
  for _, place in ipairs(places) do
    local fate = known[place.id]
    if fate ~= "so far" then decide(place, fate)
    else
      unnoticed[#unnoticed + 1], place.left = place, {}
      for _, command in ipairs(commands_for(place)) do place.left[command] = true end
    end
  end
  local few = are_few(places, #unnoticed)
  if not few then unnoticed = ask_together(unnoticed, true) end
  for _, place in ipairs(unnoticed) do
    decide(place, "survived", few and "so far" or nil)
  end
end

-- Reads what earlier runs decided, and opens the file for what this one will.
local function read_fates()
  local name, sum = kept("fates", "spec/*_spec.lua")
  name = name .. "-" .. sum
  for line in io.lines(assert(io.open(name, "a")) and name) do
    local fate, id = line:match("^(.-)\t(.*)$")
    known[id] = fate
    note(id:match("^%S+"), fate)
  end
  fates = assert(io.open(name, "a"))
end

-- The changes that make no difference: "FILE: THE CHANGED LINE -- REASON", where
-- the line is without its comment.
local function read_equivalents()
  local set = {}
  for line in io.lines("spec/mutate/equivalent.txt") do
    local key = line:match("^(%S+: .-) %-%- ")
    if key then set[key] = true end
  end
  return set
end

-- Takes the changes that make no difference out of a list.
local function leave_out(list, equivalents)
  local rest, found = {}, {}
  for _, place in ipairs(list) do
    local line = place.changed:gsub("%s+%-%- .*$", "")
    local key = place.file .. ": " .. line:match("^%s*(.-)%s*$")
    found[key] = equivalents[key]
    if not found[key] then rest[#rest + 1] = place end
  end
  for key in pairs(equivalents) do
    if not found[key] then print("in equivalent.txt, but no change: " .. key) end
  end
  return rest
end

-- The lines and files that FILES names; all files, if it is empty.
local function read_wanted(files)
  local wanted, chosen = {}, os.getenv("FILES") or ""
  for _, file in ipairs(chosen ~= "" and lines_of("printf '%s\\n' " .. chosen)
    or files) do
    wanted[file] = true
  end
  for start, is_here in pairs(hosted) do
    local here = is_here()
    for file in pairs(wanted) do
      if not here and file:sub(1, #start) == start then
        wanted[file] = nil
        print("not measured: " .. file .. ", whose host is not here")
      end
    end
  end
  return wanted
end

local files = lines_of("find src lua -name '*.c' -o -name '*.lua' | sort")
local list = leave_out(all_places(files), read_equivalents())
os.execute("mkdir -p build/mutate")
read_fates()
list_commands()
local wanted = read_wanted(files)
for i = #list, 1, -1 do
  local place = list[i]
  if not (wanted[place.file] or wanted[place.file .. ":" .. place.number]) then
    table.remove(list, i)
  end
end

-- Asks for a part of the changes.
local function ask_for_part(places)
  local mine = {}
  for i = part, #places, jobs do mine[#mine + 1] = places[i] end
  ask_for(mine)
end

-- Has a run for each part, all at a time.
local function ask_beside()
  local runs = {}
  for job = 1, jobs do
    runs[job] = ("PART=%d ORIGINAL=%s %s spec/mutate/mutate.lua %d %d &"):format(job,
      original, lua, count, seed)
  end
  os.execute(table.concat(runs, " ") .. " wait")
  read_fates()
end

local places, begin = choose(list), now()
if part then ask_for_part(places)
else
  if jobs > 1 then ask_beside() end
  ask_for(places)
  decide_all(places)
end
os.execute("rm -rf " .. folder)
if part then os.exit(true) end
local survived, stillborn = count_fates(places, "survived"), count_fates(places, "stillborn")
print(("%d changes did not compile, or not here; %.0f s for each"):format(stillborn,
  (now() - begin) / math.max(#places, 1)))
print(("%d changes were noticed, %d survived"):format(#places - stillborn - survived,
  survived))
local fine = are_few(places, survived)
print(("\n%d passed, %d failed"):format(fine and 1 or 0, fine and 0 or 1))
os.exit(fine)
