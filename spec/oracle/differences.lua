-- What the scenarios of this directory say about our differences from Node.
-- Each one stands at the head of a scenario's Lua side:
--   -- differs: REASON      the bold beginning of an item in docs/guide.md
--   -- at the start         where the logs part: before the first line, or
--   -- after: LINE          after a line that both have; then come
--   --   Node: LINE         the lines that only Node's log has there
--   --   ours: LINE         and those that only ours has
--   --     REST             of a long line, after a space
-- The report of a scenario that fails has the head that it would have.
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

-- A line of a scenario's head: what it declares, or the rest of the one before.
local function declaration(line)
  if line == "-- at the start" then return "at the start" end
  return line:match("^%-%- (after: .*)") or line:match("^%-%- +(Node: .*)")
    or line:match("^%-%- +(ours: .*)"), line:match("^%-%-     (.*)")
end

-- The reasons and the differences at the head of a scenario: two lists.
function M.read(name)
  local reasons, declared = {}, {}
  for line in io.lines("spec/oracle/" .. name .. ".lua") do
    if not line:find("^%-%- ") then break end
    reasons[#reasons + 1] = line:match("^%-%- differs: (.*)")
    local new, rest = declaration(line)
    if new then
      declared[#declared + 1] = new
    elseif rest then
      declared[#declared] = declared[#declared] .. " " .. rest
    end
  end
  return reasons, declared
end

-- Lengths of the longest common subsequences of all tails of two lists.
local function common_tails(a, b)
  local length = {}
  for i = #a + 1, 1, -1 do
    length[i] = { [#b + 1] = 0 }
    for j = #b, 1, -1 do
      if i > #a then length[i][j] = 0
      elseif a[i] == b[j] then length[i][j] = length[i + 1][j + 1] + 1
      else length[i][j] = math.max(length[i + 1][j], length[i][j + 1]) end
    end
  end
  return length
end

-- Goes through Node's log and ours; calls each(side, line), where the side is
-- "both", "Node" or "ours".
local function merge(theirs, ours, each)
  local length, i, j = common_tails(theirs, ours), 1, 1
  while i <= #theirs or j <= #ours do
    if i <= #theirs and j <= #ours and theirs[i] == ours[j] then
      each("both", theirs[i])
      i, j = i + 1, j + 1
    elseif j > #ours
      or i <= #theirs and length[i + 1][j] >= length[i][j + 1] then
      each("Node", theirs[i])
      i = i + 1
    else
      each("ours", ours[j])
      j = j + 1
    end
  end
end

-- The differences of Node's log and ours, as `read` returns those declared.
function M.compare(theirs, ours)
  local found, place = {}, "at the start"
  merge(theirs, ours, function(side, line)
    if side == "both" then place = "after: " .. line return end
    if place then found[#found + 1], place = place, nil end
    found[#found + 1] = side .. ": " .. line
  end)
  return found
end

-- Differences in the form of a scenario's head, at most 80 columns wide.
function M.head(found)
  local lines = {}
  for _, each in ipairs(found) do
    local inner = each:find("^Node: ") or each:find("^ours: ")
    local line = inner and "--  " or "--"
    for word in each:gmatch("%S+") do
      if #line + #word >= 80 then
        lines[#lines + 1], line = line, "--    "
      end
      line = line .. " " .. word
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
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
