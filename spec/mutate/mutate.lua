-- Do the specs notice? Changes one condition of the library at a time, in a copy
-- of the project, and runs the specs until one fails twice, and passes as soon as
-- the change is undone: then it was no accident. A change nobody notices has
-- survived: a line that is not tested, or not needed. equivalent.txt lists changes
-- that make no difference.
--
--   make mutate COUNT=60 [SEED=1] [FILES="src/engine/queue.c lua/dgram/send.lua"]
--
-- Fails when one in ten survives, or more. Closes with "1 passed, 0 failed", or
-- the other way round.
local count, seed = tonumber(arg[1]) or 60, tonumber(arg[2]) or 1
local lua = os.getenv("LUA") or "lua5.4"

-- Seconds a command gets: it was as fast without the change.
local function limit(seconds) return math.ceil(10 + 4 * seconds) end

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

-- Adds every place of a line where a change fits, but not in its comment.
local function find_places(list, file, number, line)
  local ending = line:find(" %-%- ") or line:find("/%*") or #line
  for _, change in ipairs(changes[file:match("%.(%a+)$")]) do
    local from = 1
    while true do
      local first, last = line:find(change[1], from)
      if not first or first > ending then break end
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

-- Writes a file of the copy, with one line changed if there is a change.
local function write(copy, file, place)
  local out = assert(io.open(copy .. "/" .. file, "w"))
  for number, line in ipairs(sources[file]) do
    if place and number == place.number then line = place.changed end
    out:write(line, "\n")
  end
  out:close()
end

local commands = {} -- { text, seconds without any change }

-- Seconds of a clock.
local function now() return tonumber(lines_of("date +%s.%N")[1]) end

-- Makes read-only what is neither the copy nor a /tmp of its own: a change may do
-- harm (it has changed the mode of /dev/null), and root owns the machine's files in
-- here, too.
local shelter = [[
mount -t tmpfs none /tmp && mkdir -p "$PWD" && mount -c --bind . "$PWD" && cd "$PWD" &&
while read -r _ place _ options _; do
  case $place in "$PWD"|/tmp|/proc*|/sys*) ;;
    *) mount -o "remount,bind,$options,ro" "$place" ;;
  esac
done </proc/mounts 2>/dev/null; test ! -w / && test ! -w /dev]]

-- A network with a way out, at whose end nobody is, and without a name server.
local network = [[
mount -t sysfs none /sys && echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad &&
ip link set lo up && ip link add eth0 type veth peer name eth1 &&
ip address add 10.77.0.1/24 dev eth0 && ip link set eth0 up &&
ip link set eth1 up && ip route add default dev eth0 &&
echo nameserver 127.0.0.1 >resolv.conf && mount --bind resolv.conf /etc/resolv.conf]]

-- Runs a command in the copy, with processes, a network and temporary files of its
-- own, none of which outlives it; returns whether it succeeded.
local function succeeds(copy, command, seconds)
  local script = ([[cd %s && %s && %s && rm -rf tmp && mkdir tmp &&
    ulimit -v 8000000 && export TMPDIR=$PWD/tmp LUA=%s CHECKS=$PWD/checks &&
    . ./environment && %s]]):format(copy, shelter, network, lua, command)
  local ok = os.execute(("timeout -k 5 %d unshare -Urnpf "
    .. "--kill-child=KILL --mount-proc sh -c '%s' >%s/log 2>&1"):format(
      limit(seconds), script, copy))
  return ok
end

-- Finds out what notices nothing because it fails without any change, says so,
-- and lists the others, the fastest first.
local function list_commands(copy)
  local list = { "spec/faults/run", "spec/net/run" }
  for _, spec in ipairs(lines_of("ls spec/*_spec.lua")) do
    list[#list + 1] = "spec/run " .. spec
  end
  for _, text in ipairs(list) do
    local begin = now()
    if succeeds(copy, text, 100) then
      commands[#commands + 1] = { text = text, seconds = now() - begin }
    else
      print("fails unchanged: " .. text)
      os.execute("tail -n 20 " .. copy .. "/log")
    end
  end
  table.sort(commands, function(a, b) return a.seconds < b.seconds end)
end

-- What no spec but one runs.
local hosted = { ["lua/dgram/nginx.lua"] = "spec/nginx_spec.lua" }

-- Tells whether a spec passes without any change.
local function runs(spec)
  for _, command in ipairs(commands) do
    if command.text == "spec/run " .. spec then return true end
  end
  return false
end

local noticing = {} -- file -> command -> how often it noticed a change

-- The commands that may notice a change of a file, the likeliest first: the spec
-- of its name, what noticed others, the fastest.
local function commands_for(file)
  local name, list, weight = file:match("([^/]*)%.%a+$"), {}, {}
  noticing[file] = noticing[file] or {}
  for i, command in ipairs(commands) do
    list[i] = command
    local own = command.text:find("/" .. name .. "_spec", 1, true)
    weight[command] = (own and 0 or command.seconds)
      / (1 + (noticing[file][command] or 0)) ^ 2
  end
  table.sort(list, function(a, b) return weight[a] < weight[b] end)
  return list
end

-- Puts a change into the copy, or takes it out; returns whether it compiles.
local function apply(copy, file, place)
  write(copy, file, place)
  return os.execute(("make -s -C %s >%s/log 2>&1"):format(copy, copy))
end

-- Tells whether a change of C is one of code for other systems.
local function is_same(copy, file)
  return file:match("%.c$")
    and os.execute(("cd %s && cmp -s $(cat built) core.so"):format(copy))
end

-- Tells whether a command notices a change that the copy has.
local function notices(copy, command, place)
  for _ = 1, 2 do
    if succeeds(copy, command.text, command.seconds) then return false end
  end
  apply(copy, place.file)
  local accident = not succeeds(copy, command.text, command.seconds)
  apply(copy, place.file, place)
  if accident then print("fails at times: " .. command.text) end
  return not accident
end

-- Tells what becomes of a change: "stillborn", "survived", or what noticed it.
local function try(copy, place)
  local fate = "survived"
  if not apply(copy, place.file, place) or is_same(copy, place.file) then
    fate = "stillborn"
  else
    for _, command in ipairs(commands_for(place.file)) do
      if notices(copy, command, place) then
        local before = noticing[place.file][command] or 0
        noticing[place.file][command] = before + 1
        fate = command.text:match("([^/]*)$")
        break
      end
    end
  end
  apply(copy, place.file)
  return fate
end

-- Makes the copy, with the helpers of the fault and network specs. There a spec
-- file ends with the first test that fails.
local function make_copy()
  local copy = lines_of("mktemp -d ${TMPDIR:-/tmp}/dgram-mutate.XXXXXX")[1]
  assert(os.execute(("cp -r Makefile src lua spec examples docs bench *.md "
    .. "*.rockspec LICENSE .busted %s && mkdir %s/checks && "
    .. "cp $CHECKS/faults.so $CHECKS/host $CHECKS/netns.so %s/checks && "
    .. "cd %s && sed -i 's/default = {/&[\"keep-going\"] = false,/' .busted && "
    .. "unset LUA_PATH LUA_CPATH && make -s env >environment && "
    .. "ls build/*/dgram/core.so >built && cp $(cat built) ."):format(
      copy, copy, copy, copy)))
  return copy
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

local everything = "find src lua -name '*.c' -o -name '*.lua' | sort"
local chosen = os.getenv("FILES") or ""
local list = leave_out(all_places(lines_of(everything)), read_equivalents())
local wanted = {}
for _, file in ipairs(lines_of(chosen ~= "" and "ls " .. chosen or everything)) do
  wanted[file] = true
end
local copy = make_copy()
list_commands(copy)
for file, spec in pairs(hosted) do
  if not runs(spec) then
    wanted[file] = nil
    print("not measured: " .. file .. ", for " .. spec .. " does not run here")
  end
end
for i = #list, 1, -1 do
  if not wanted[list[i].file] then table.remove(list, i) end
end

local places = choose(list)
local noticed, survived, stillborn, begin = 0, 0, 0, now()
for _, place in ipairs(places) do
  local fate = try(copy, place)
  if fate == "stillborn" then stillborn = stillborn + 1
  elseif fate ~= "survived" then
    noticed = noticed + 1
    print(("noticed   %s:%d by %s"):format(place.file, place.number, fate))
  else
    survived = survived + 1
    print(("survived  %s:%d:\n  -%s\n  +%s"):format(place.file, place.number,
      place.line, place.changed))
  end
  io.stdout:flush()
end
os.execute("rm -rf " .. copy)
print(("%d changes did not compile, or not here; %.0f s for each"):format(stillborn,
  (now() - begin) / math.max(#places, 1)))
print(("%d changes were noticed, %d survived"):format(noticed, survived))
local fine = survived * 10 < noticed + survived
print(("\n%d passed, %d failed"):format(fine and 1 or 0, fine and 0 or 1))
os.exit(fine)
