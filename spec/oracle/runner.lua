-- Runs the scenarios of this directory, by Node and by us, and keeps the
-- record: NAME.log is what Node printed, VERSION says which Node that was.
local uv = require "luv"

local DEADLINE = 10000 -- milliseconds that a scenario may take
local DIRECTORY = "spec/oracle/"

local M = {}

-- The first line that a command prints; nil when it prints none.
local function first_line(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local line = pipe:read("*l")
  pipe:close()
  return line
end

-- Where `make oracle` puts the Node that it installs.
M.installed = "build/node/node_modules/node/bin/node"

-- The Node to ask, and its version: the environment's NODE, else the one that
-- `make oracle` installed, else the system's; nil without one.
function M.node()
  local chosen = os.getenv "NODE"
  if chosen == "" then chosen = nil end
  local candidates = chosen and { chosen } or { M.installed, "node" }
  for _, file in ipairs(candidates) do
    local version = first_line(("'%s' --version"):format(file))
    if version and version:find("^v%d") then return file, version end
  end
  assert(not chosen, tostring(chosen) .. " is no Node: it says no version")
end

-- The kind of system this is: "Linux".
function M.system() return uv.os_uname().sysname end

-- The lines of a file.
local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

-- The Node that the record is of, and the system it ran on.
function M.recorded()
  return read_lines(DIRECTORY .. "VERSION")[1]:match("^node (v%S+) on (%S+)$")
end

-- What Node printed when the record was made.
function M.record(name) return read_lines(DIRECTORY .. name .. ".log") end

-- The names of all records, sorted.
function M.records()
  local names = {}
  local list = io.popen("ls " .. DIRECTORY)
  for file in list:lines() do names[#names + 1] = file:match("^(.*)%.log$") end
  list:close()
  return names
end

-- Replaces a file of the record; without lines it is removed.
function M.write(file, lines)
  os.remove(DIRECTORY .. file)
  if not lines then return end
  local out = assert(io.open(DIRECTORY .. file, "w"))
  out:write(table.concat(lines, "\n"), "\n")
  out:close()
end

-- The environment of a child that finds the modules that we find.
local function environment()
  local list, version = {}, _VERSION:gsub("^Lua (%d)%.(%d)$", "_%1_%2")
  local all = uv.os_environ()
  all["LUA_PATH" .. version], all["LUA_CPATH" .. version] = nil, nil
  all.LUA_PATH, all.LUA_CPATH = "./?.lua;" .. package.path, package.cpath
  for key, value in pairs(all) do list[#list + 1] = key .. "=" .. value end
  return list
end

-- A bound socket of luv for a child to inherit, and its descriptor.
local function inheritance(new)
  local handle = new()
  assert(handle:bind("127.0.0.1", 0))
  return handle, handle:fileno()
end

-- Adds what a pipe brings to one of the child's two texts.
local function collect(child, i, pipe)
  pipe:read_start(function(_, data)
    if data then child.text[i] = child.text[i] .. data return end
    child.open = child.open - 1
    pipe:close()
  end)
end

-- Starts a child with a udp socket as 3 and a tcp socket as 4; the result gets
-- `text`, what it printed on both streams, and `code` when it has ended.
local function start(file, argument)
  local child = { text = { "", "" }, open = 3 }
  local pipes = { uv.new_pipe(false), uv.new_pipe(false) }
  local udp, udp_fd = inheritance(uv.new_udp)
  local tcp, tcp_fd = inheritance(uv.new_tcp)
  child.process = assert(uv.spawn(file, { args = { argument },
    env = environment(), stdio = { nil, pipes[1], pipes[2], udp_fd, tcp_fd },
  }, function(code, signal)
    child.code, child.open = code + signal, child.open - 1
    child.process:close()
  end))
  udp:close()
  tcp:close()
  for i, pipe in ipairs(pipes) do collect(child, i, pipe) end
  return child
end

-- Waits until all children have ended; those that are late are killed.
local function wait(children)
  local timer = uv.new_timer()
  timer:start(DEADLINE, 0, function()
    for _, child in ipairs(children) do
      child.late = not child.code
      if child.late then child.process:kill("sigkill") end
    end
  end)
  for _, child in ipairs(children) do
    while child.open > 0 do uv.run("once") end
  end
  timer:close()
  uv.run("nowait") -- luv must not be left with handles that are half closed
end

-- How a child ended.
local function ending(child)
  if child.late then return "did not end" end
  return child.code == 0 and "ended well" or "ended badly"
end

-- The lines that a child printed; how it ended is the last one.
local function log_of(child)
  local lines = {}
  for line in child.text[1]:gmatch("[^\n]+") do lines[#lines + 1] = line end
  local uncaught = child.text[2]:match("Uncaught Error: ([^\n]*)")
  if uncaught then lines[#lines + 1] = "uncaught " .. uncaught end
  lines[#lines + 1] = ending(child)
  return lines
end

-- Runs a script `count` times at once; returns the logs, and what the last one
-- printed as errors.
local function run(file, script, count)
  local children, logs = {}, {}
  for i = 1, count do children[i] = start(file, script) end
  wait(children)
  for i, child in ipairs(children) do logs[i] = log_of(child) end
  return logs, children[count].text[2]
end

-- The logs of a scenario that this Node runs `count` times at once, and errors.
function M.theirs(node, name, count)
  return run(node, DIRECTORY .. name .. ".js", count)
end

-- Our log of a scenario, and the errors printed beside it.
function M.ours(name)
  local logs, errors = run(uv.exepath(), DIRECTORY .. name .. ".lua", 1)
  return logs[1], errors
end

return M
