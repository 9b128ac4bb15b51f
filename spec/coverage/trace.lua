-- Notes which lines of the library run; loaded by LUA_INIT in every interpreter
-- that `make coverage` starts. Each process adds a file to DGRAM_COVERAGE, with
-- lines of the form "lua/dgram/socket.lua:12".
local directory = os.getenv("DGRAM_COVERAGE")
local root = os.getenv("DGRAM_ROOT") .. "/"
local seen, names = {}, {}

-- The path of a library file below the root; false for every other file.
local function name_of(source)
  local path = source:match("^@(.*%.lua)$") or ""
  if path:sub(1, #root) == root then path = path:sub(#root + 1) end
  return path:match("^lua/dgram") and path or false
end

-- Notes a line.
local function note(_, line)
  local source = debug.getinfo(2, "S").source
  local name = names[source]
  if name == nil then
    name = name_of(source)
    names[source] = name
  end
  if name then seen[name .. ":" .. line] = true end
end

-- Writes down what was seen.
local function dump()
  local file = os.tmpname()
  local out = io.open(directory .. "/" .. file:match("[^/]*$"), "w")
  os.remove(file)
  for line in pairs(seen) do out:write(line, "\n") end
  out:close()
end

-- A coroutine has a hook of its own.
local create, wrap = coroutine.create, coroutine.wrap
function coroutine.create(body) -- luacheck: ignore
  local thread = create(body)
  debug.sethook(thread, note, "l")
  return thread
end

function coroutine.wrap(body) -- luacheck: ignore
  return wrap(function(...)
    debug.sethook(note, "l")
    return body(...)
  end)
end

local exit = os.exit
function os.exit(...) -- luacheck: ignore
  dump()
  exit(...)
end

DGRAM_TRACE = setmetatable({}, { __gc = dump }) -- luacheck: ignore
debug.sethook(note, "l")
