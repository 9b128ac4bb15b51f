-- Records what Node says to every scenario: NAME.log and VERSION. Nothing is
-- written unless all scenarios say the same three times over.
--
--   make oracle             with the newest Node that npm has
--   make oracle NODE=node   with another
local differences = require "spec.oracle.differences"
local needs = require "spec.oracle.needs"
local runner = require "spec.oracle.runner"

local RUNS = 3 -- times that a scenario must say the same

-- Why a log cannot be the record, nil if it can: a scenario that fails says so
-- itself, one that breaks off in silence is no answer.
local function flaw(log)
  local last, before = log[#log], log[#log - 1] or ""
  if last == "did not end" then return last end
  if last == "ended badly" and not before:find("^uncaught ") then
    return "broke off"
  end
end

-- Runs a scenario; returns its log, or nil and why it cannot be recorded.
local function ask(node, name)
  local need = needs.missing(name)
  if need then return nil, ("%s: this machine lacks %s"):format(name, need) end
  local logs, errors = runner.theirs(node, name, RUNS)
  for _, log in ipairs(logs) do
    local why = flaw(log)
    if why then return nil, ("%s: %s\n%s"):format(name, why, errors) end
    local between = differences.compare(logs[1], log)
    if #between > 0 then
      between = table.concat(between, "\n"):gsub("ours: ", "else: ")
      return nil, ("%s: its runs differ\n%s"):format(name, between)
    end
  end
  return logs[1]
end

-- The logs of all scenarios by name; ends with the reasons when one is refused.
local function ask_all(node)
  local logs, refused = {}, {}
  for _, name in ipairs(differences.names()) do
    local log, why = ask(node, name)
    logs[name], refused[#refused + 1] = log, why
  end
  if #refused == 0 then return logs end
  io.stderr:write(table.concat(refused, "\n"), "\nnothing is recorded\n")
  os.exit(1)
end

local node, version = runner.node()
assert(node, "no Node is installed")
local logs = ask_all(node)
for _, name in ipairs(runner.records()) do runner.write(name .. ".log", nil) end
for name, log in pairs(logs) do runner.write(name .. ".log", log) end
runner.write("VERSION", { ("node %s on %s"):format(version, runner.system()) })
print(("recorded %d scenarios of node %s"):format(#differences.names(),
  version))
