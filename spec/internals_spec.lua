-- docs/internals.md tells how the sources hang together: each function is defined in
-- the file it is named with, every name occurs in the sources, and no file is missing.
local helper = require "spec.support.helper"
local host = require "spec.support.host"

local text = helper.read("docs/internals.md")

-- The files of src/ and lua/ with their text.
local function read_files()
  local files = {}
  for path in host.output("find src lua -type f"):gmatch("[^\n]+") do
    files[path] = helper.read(path)
  end
  return files
end

local files = read_files()

-- Whether a C file defines a function: its head begins a line, and a brace follows.
local function defines_c(source, name)
  return source:find("\n[%a_][%w_ %*]-%f[%w_]" .. name .. "%b()%s*{") ~= nil
end

-- Whether a Lua file defines a function, by the name it is called by.
local function defines_lua(source, name)
  return source:find("function " .. name:gsub("%.", "%%.") .. "%s*%(") ~= nil
end

-- Whether a file defines a function.
local function defines(path, name)
  local has = path:find("%.lua$") and defines_lua or defines_c
  return has("\n" .. files[path], name)
end

-- The functions that the page names behind a file: "`file`: `one`, `two`".
local function named()
  local list = {}
  local flat = text:gsub("\n", " ")
  for path, at in flat:gmatch("`(%l+/[%w_/.]+)`: ()") do
    local name, after = flat:match("^`([%w_.:]+)`()", at)
    while name do
      list[#list + 1] = { path = path, name = name }
      name, after = flat:match("^, `([%w_.:]+)`()", after)
    end
  end
  return list
end

-- Whether a word occurs in any of the sources.
local function occurs(word)
  for _, source in pairs(files) do
    if source:find("%f[%w_]" .. word .. "%f[^%w_]") then return true end
  end
  return false
end

describe("docs/internals.md", function()
  it("names functions that are defined in the files it names", function()
    local list, wrong = named(), {}
    assert.is_true(#list > 100)
    for _, each in ipairs(list) do
      if not (files[each.path] and defines(each.path, each.name)) then
        wrong[#wrong + 1] = each.path .. ": " .. each.name
      end
    end
    assert.same({}, wrong)
  end)

  it("names every file of src/ and lua/, and no other", function()
    local there = {}
    for folder, rest in text:gmatch("`(%l+)(/[%w_/]+%.%l+)`") do
      if folder == "src" or folder == "lua" then there[folder .. rest] = true end
    end
    for path in pairs(there) do assert.truthy(files[path], path) end
    for path in pairs(files) do assert.truthy(there[path], path) end
  end)

  it("uses no name that the sources do not have", function()
    local unknown = {}
    for word in text:gmatch("`([%a_][%w_]+[:.]?[%w_]*)`") do
      if not (occurs(word) or occurs(word .. "%w+")) then unknown[#unknown + 1] = word end
    end
    assert.same({}, unknown)
  end)

  it("links to what exists", function()
    for file in text:gmatch("%]%(([%w_./]+)") do
      assert.truthy(helper.read("docs/" .. file), file)
    end
    local anchors = {}
    for heading in text:gmatch("\n##+ ([^\n]+)") do
      anchors[heading:lower():gsub("[^%w%s_-]", ""):gsub(" ", "-")] = true
    end
    for anchor in text:gmatch("%]%(#([^)]+)%)") do assert.truthy(anchors[anchor], anchor) end
  end)
end)
