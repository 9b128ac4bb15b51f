-- Node is the oracle: what it says to every scenario in spec/oracle/ is on
-- record there (see record.lua), and our log is the same, line by line, but for
-- the differences that stand at the head of the scenario's Lua side (see
-- differences.lua). Where Node is installed it must still say what is recorded.
local Child = require "spec.support.child"
local differences = require "spec.oracle.differences"
local helper = require "spec.support.helper"
local needs = require "spec.oracle.needs"
local runner = require "spec.oracle.runner"

local names = differences.names()
local able, unable = {}, {} -- scenarios for this machine, and what others lack
for _, name in ipairs(names) do
  local need = needs.missing(name)
  if need then unable[#unable + 1] = ("%s (%s)"):format(name, need)
  else able[#able + 1] = name end
end
local version, system = runner.recorded()

-- The major number of a version of Node.
local function major(text) return tonumber(text:match("^v(%d+)")) end

-- What a person reads when the logs differ otherwise than declared.
local function report(name, theirs, ours, errors)
  return ("%s\n\nNode's log:\n%s\n\nour log:\n%s\n\nthe head would be:\n%s"
    .. "\n\nour errors: %s"):format(name,
    table.concat(theirs, "\n"), table.concat(ours, "\n"),
    differences.head(differences.compare(theirs, ours)), errors)
end

-- Runs our side of a scenario and compares its log with Node's on record.
local function check_ours(name)
  local theirs, ours, errors = runner.record(name), runner.ours(name)
  local reasons, declared = differences.read(name)
  local found = differences.compare(theirs, ours)
  assert.are.equal(table.concat(declared, "\n"), table.concat(found, "\n"),
    report(name, theirs, ours, errors))
  assert.are.equal(#reasons > 0, #found > 0, "a reason for each difference")
end

-- Runs Node's side of a scenario and compares its log with the record.
local function check_theirs(node, name)
  local logs, errors = runner.theirs(node, name, 1)
  assert.are.equal(table.concat(runner.record(name), "\n"),
    table.concat(logs[1], "\n"), name .. ", and Node's errors: " .. errors)
end

-- Why Node's side cannot be run here; nil if it can.
local function obstacle(node, its_version)
  if not node then return "no Node is installed: its record alone was asked" end
  if major(its_version) < major(version) then
    return ("the Node here is %s, the record is of %s"):format(its_version,
      version)
  end
end

-- The bold beginnings of the guide's items under its heading on what differs.
local function reasons_of_guide()
  local reasons, inside = {}, false
  for line in io.lines("docs/guide.md") do
    if line:find("^##+ ") then inside = line:find("differ") end
    local item = inside and line:match("^%- %*%*(.-)%.?%*%*")
    if item then reasons[#reasons + 1] = item end
  end
  table.sort(reasons)
  return reasons
end

describe("the oracle", function()
  it("has a Lua side and a record for every Node side", function()
    assert.is_true(#names >= 160)
    assert.are.same(names, runner.records())
    for _, name in ipairs(names) do
      assert(io.open("spec/oracle/" .. name .. ".lua"), name):close()
    end
  end)

  it("has the differences that the guide lists", function()
    local _, reasons = differences.all()
    assert.are.same(reasons, reasons_of_guide())
  end)
end)

-- Errors have other numbers, and sockets behave otherwise, on another system.
if runner.system() ~= system then
  describe("the oracle", function()
    it("agrees on this system", function()
      pending(("the record is of %s, this is %s"):format(system,
        runner.system()))
    end)
  end)
  return
end

describe("the oracle of node " .. version .. " agrees:", function()
  for _, name in ipairs(able) do
    it(name, function() check_ours(name) end)
  end
  if #unable == 0 then return end
  it("scenarios with needs", function()
    pending("not on this machine: " .. table.concat(unable, ", "))
  end)
end)

describe("the installed Node says what is recorded:", function()
  local node, its_version = runner.node()
  local why_not = obstacle(node, its_version)
  if why_not then it("is asked", function() pending(why_not) end) return end
  for _, name in ipairs(able) do
    it(name, function() check_theirs(node, name) end)
  end
end)

it("make oracle finds what it takes, although no spec runs there", function()
  helper.run(function()
    local child = Child.lua("-e", [[
      require "spec.oracle.runner"
      print(require "spec.oracle.needs".missing "bind_port")]])
    assert.equal("nil", child:line())
    assert.equal(0, child:wait())
  end)
end)
