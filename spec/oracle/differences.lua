-- What the scenarios of this directory say about our differences from Node.
-- Each one stands at the head of a scenario's Lua side:
--   differs: REASON     the bold beginning of an item in README.md
--   3< LINE             the third of Node's log, which ours lacks
--   3> LINE             of ours, before the third of Node's
--   \ REST              of a long line, after a space
-- Print them, in the root of the project: lua5.4 spec/oracle/differences.lua
local M = {}

-- The names of all scenarios, sorted.
function M.names()
  local names = {}
  local list = io.popen("ls spec/oracle")
  for file in list:lines() do
    local name = file:match("^(.*)%.js$")
    if name and name ~= "log" then names[#names + 1] = name end
  end
  list:close()
  return names
end

-- The reasons and the differing lines at the head of a scenario: two lists.
function M.read(name)
  local reasons, lines = {}, {}
  for line in io.lines("spec/oracle/" .. name .. ".lua") do
    if not line:find("^%-%- ") then break end
    local reason = line:match("^%-%- differs: (.*)")
    local change = line:match("^%-%- (%d+[<>] .*)")
    local rest = line:match("^%-%- \\ (.*)")
    if reason then reasons[#reasons + 1] = reason end
    if change then lines[#lines + 1] = change end
    if rest then lines[#lines] = lines[#lines] .. " " .. rest end
  end
  return reasons, lines
end

-- Every reason with the names of its scenarios, and the reasons, sorted.
function M.all()
  local scenarios, reasons = {}, {}
  for _, name in ipairs(M.names()) do
    for _, reason in ipairs((M.read(name))) do
      if not scenarios[reason] then
        scenarios[reason] = {}
        reasons[#reasons + 1] = reason
      end
      table.insert(scenarios[reason], name)
    end
  end
  table.sort(reasons)
  return scenarios, reasons
end

if arg and arg[0] and arg[0]:find("differences%.lua$") then
  local scenarios, reasons = M.all()
  for _, reason in ipairs(reasons) do
    print(("%s (%s)"):format(reason, table.concat(scenarios[reason], ", ")))
  end
end

return M
