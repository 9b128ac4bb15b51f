-- docs/api.md and docs/dgram.d.lua name what lua/ has, nothing less and nothing
-- more, spec/README.md every spec file; and every snippet of api.md and guide.md is run
-- and prints what its `-->` comments say.
local Child = require "spec.support.child"
local core = require "dgram.core" -- it alone knows the codes of errno(3)
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local read = helper.read

-- Returns the sources of the Lua side, as one text.
local function read_sources()
  local parts = {}
  for path in pairs(host.files_in("lua")) do parts[#parts + 1] = read(path) end
  return table.concat(parts, "\n")
end

local api = read("docs/api.md")
local definitions = read("docs/dgram.d.lua")
local sources = read_sources()

-- ---------------------------------------------------------------- sets of names

-- Adds to a set what the pattern captures in the text.
local function collect(text, pattern, set)
  set = set or {}
  for name in text:gmatch(pattern) do set[name] = true end
  return set
end

-- Returns the keys of a table as a sorted list.
local function sorted(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return list
end

-- Errors unless two sets of names are the same, and not empty.
local function assert_same(expected, given)
  assert.is_true(#sorted(expected) > 0)
  assert.same(sorted(expected), sorted(given))
end

-- Returns what stands under a heading of api.md, to the next of its rank.
local function section(heading)
  local text, rank = {}, nil
  for line in (api .. "\n"):gmatch("(.-)\n") do
    local marks, title = line:match("^(#+) (.*)")
    if rank and marks and #marks <= rank then break end
    if title == heading then rank = #marks end
    if rank then text[#text + 1] = line end
  end
  return assert(rank and table.concat(text, "\n"), "no section " .. heading)
end

-- Returns the names in the first column of a section's tables.
local function rows(heading)
  local set = {}
  for cell in ("\n" .. section(heading)):gmatch("\n| (`[^|]+`) |") do
    collect(cell, "`([%w_]+)`", set)
  end
  return set
end

-- Returns the names that follow a prefix in the headings of api.md.
local function headings(prefix)
  local set = {}
  for line in api:gmatch("\n### ([^\n]+)") do
    collect(line, "%f[%w]" .. prefix .. "([%w_]+)", set)
  end
  return set
end

-- Returns the fields of a class of the definition file, without those it inherits.
local function fields(class)
  local head, rest = "%-%-%-@class " .. class:gsub("%.", "%%."), "\n(.-)\n[^-]"
  local body = definitions:match(head .. rest) or definitions:match(head .. ": [%w.]+" .. rest)
  return collect(assert(body, "no class " .. class), "@field ([%w_]+)")
end

-- Returns the block of the definition file, between empty lines, that has a text.
local function block(text)
  for each in definitions:gmatch("(.-)\n\n") do
    if each:find(text, 1, true) then return each end
  end
end

-- Returns the values of an alias of the definition file.
local function values(alias)
  local body = definitions:match("%-%-%-@alias " .. alias:gsub("%.", "%%.")
    .. "\n(.-)\n\n")
  return collect(assert(body, "no alias " .. alias), '%-%-%-| "([%w_]+)"')
end

-- Returns the methods and functions of a class of the definition file.
local function defined(class)
  local set = collect(definitions, "\nfunction " .. class .. "[:.]([%w_]+)%(")
  return collect(definitions, "\n" .. class .. "%.([%w_]+) =", set)
end

-- ------------------------------------------------------------- the code's names

-- Returns the public functions of a table; of the metamethods only __close.
local function public(methods)
  local set = {}
  for name, value in pairs(methods) do
    if type(value) == "function"
      and (name == "__close" or name:sub(1, 1) ~= "_") then
      set[name] = true
    end
  end
  return set
end

-- Returns the keys that a function reads of a table of options.
local function keys_read(values_given, fn)
  local set = {}
  fn(setmetatable({}, { __index = function(_, key)
    if type(key) == "string" then set[key] = true end
    return values_given[key]
  end }))
  return set
end

-- Returns the options that createSocket reads.
local function socket_options()
  return keys_read({ type = "udp4" }, dgram.createSocket)
end

-- Returns the options that bind reads, for any type of socket; `exclusive`
-- is accepted for Node's sake, `family` for what address() returns: never read.
local function bind_options()
  local set = { exclusive = true, family = true }
  for _, kind in ipairs { "udp4", "unix_dgram" } do
    local socket = dgram.createSocket(kind)
    for key in pairs(keys_read({}, function(options)
      socket:bind(options)
    end)) do set[key] = true end
    socket:close()
  end
  uv.run()
  return set
end

-- Returns the fields of a table, or nil's.
local function keys(table)
  local set = {}
  for key in pairs(table) do set[key] = true end
  return set
end

-- Returns the codes of the module's own errors.
local function module_codes()
  return collect(sources, '"(ABORT_ERR)"', collect(sources, "ERR_[%u_]*%u"))
end

-- Tells whether a code is one of errno(3) or of the resolver.
local function is_system_code(code)
  return core.errno(code) or code == "ENOTFOUND" or code:find("^EAI_")
end

-- Returns the codes of the system's errors that lua/ names.
local function system_codes()
  local set = {}
  for code in sources:gmatch("%f[%w_]E[%u_]+%f[^%w_]") do
    if is_system_code(code) then set[code] = true end
  end
  return set
end

describe("docs/api.md and docs/dgram.d.lua name", function()
  it("the module's fields", function()
    assert_same(keys(dgram), headings("dgram%."))
    assert_same(keys(dgram), defined("dgram"))
  end)

  it("the methods of sockets", function()
    assert_same(public(dgram.Socket), headings("socket:"))
    assert_same(public(dgram.Socket), defined("Socket"))
  end)

  it("the methods of block lists", function()
    local methods = public(getmetatable(dgram.BlockList()))
    assert_same(methods, collect(section("dgram.BlockList"), "`blocklist:(%w+)"))
    assert_same(methods, defined("BlockList"))
  end)

  it("what controllers and signals have", function()
    local controller = dgram.AbortController()
    local text = section("dgram.AbortController")
    local methods = public(getmetatable(controller.signal))
    assert_same(keys(controller), collect(text, "`controller[:.](%w+)"))
    assert_same(methods, collect(text, "`signal:(%w+)"))
    assert_same({ signal = true }, fields("dgram.AbortController"))
    assert_same({ abort = true }, defined("AbortController"))
    assert_same(methods, defined("AbortSignal"))
    assert_same({ aborted = true, reason = true }, fields("dgram.AbortSignal"))
    assert_same({ aborted = true, reason = true },
      collect(text, "| `signal%.(%w+)"))
  end)

  it("the options of createSocket", function()
    local options = socket_options()
    assert_same(options, rows("Options"))
    assert_same(options, fields("dgram.SocketOptions"))
  end)

  it("the options of bind", function()
    local options = bind_options()
    assert_same(options, rows("socket:bind"))
    assert_same(options, fields("dgram.BindOptions"))
  end)

  it("the events", function()
    local events = collect(sources, ':_tell%("(%a+)"')
    collect(sources, ':emit%("(%a+)"', events)
    events.message = true -- its listener is called by the core
    assert_same(events, collect(api, "\n### Event: '(%a+)'"))
    assert_same(events, values("dgram.Event"))
  end)

  it("the codes of errors", function()
    assert_same(module_codes(), rows("Errors of the module"))
    assert_same(module_codes(), values("dgram.ErrorCode"))
  end)

  it("the system's errors that the module itself makes", function()
    local text = section("Errors of the system")
    for code in pairs(system_codes()) do
      assert.truthy(text:find("%f[%w_]" .. code .. "%f[^%w_]"), code)
    end
    for code in pairs(rows("Errors of the system")) do
      assert.truthy(is_system_code(code), code)
    end
  end)

  it("the counters of stats", function()
    local counters = keys(dgram.createSocket("udp4"):stats())
    assert_same(counters, rows("socket:stats"))
    assert_same(counters, fields("dgram.Stats"))
  end)

  it("the fields of errors and of rinfo", function()
    assert_same(rows("Event: 'message'"), fields("dgram.RemoteInfo"))
    local common = rows("Errors")
    for code in pairs(rows("Errors of the module")) do common[code] = nil end
    for code in pairs(rows("Errors of the system")) do common[code] = nil end
    assert_same(common, fields("dgram.Error"))
  end)
end)

describe("spec/README.md", function()
  it("names every spec file, and no other", function()
    local there = {}
    for name in uv.fs_scandir_next, assert(uv.fs_scandir("spec")) do
      if name:find("_spec%.lua$") then there[name] = true end
    end
    assert_same(there, collect(read("spec/README.md"), "`([%w_]+_spec%.lua)`"))
  end)
end)

describe("docs/dgram.d.lua", function()
  it("is Lua", function()
    local loaded = assert(dofile("docs/dgram.d.lua"))
    assert.same(sorted(keys(dgram)), sorted(keys(loaded)))
  end)

  it("tells of each event what its listeners get, and leaves no room for typos", function()
    assert.is_nil(definitions:find("dgram.Event|any", 1, true))
    for _, method in ipairs { "on", "addListener", "once", "prependListener",
      "prependOnceListener" } do
      local body = block("function Socket:" .. method .. "(event")
      local events = {}
      for names in body:gmatch('event: (".-), listener') do
        collect(names, '"(%a+)"', events)
      end
      assert_same(values("dgram.Event"), events)
      assert.truthy(body:find("@param event dgram.CustomEvent\n", 1, true), method)
    end
  end)

  it("has the modules beside it, each by its name", function()
    local loop = require "dgram.loop.poll"
    assert_same(public(loop), fields("dgram.loop.poll"))
    assert_same(public(require "dgram.loop.luv"), fields("dgram.loop.luv"))
    local made = public(loop.new())
    local declared = collect("poll idle timer", "%a+", fields("dgram.PollLoop"))
    assert_same(made, declared)
    for _, name in ipairs { "nginx", "loop.luv", "loop.poll", "loop.cqueues",
      "loop.event", "loop.copas" } do
      local text = read("docs/dgram." .. name .. ".d.lua")
      assert.equal("dgram." .. name, text:match("^%-%-%-@meta ([%w.]+)\n"))
      assert.same({}, assert(dofile("docs/dgram." .. name .. ".d.lua")))
    end
  end)

  it("has what dgram.nginx has", function() -- which only nginx can load
    local source = read("lua/dgram/nginx.lua")
    assert_same(collect(source, "\nfunction M%.(%w+)"), fields("dgram.nginx"))
    assert_same(collect(source, "given%.([%w_]+)"), fields("dgram.nginx.Options"))
  end)
end)

-- --------------------------------------------------------------------- the pages

-- Returns the anchor that GitHub gives a heading.
local function anchor(heading)
  return (heading:lower():gsub("[^%w%s_-]", ""):gsub(" ", "-"))
end

-- Returns the anchors of a page's headings down to a rank, and of those in a set.
local function anchors(text, rank, besides)
  local set = {}
  for marks, heading in ("\n" .. text):gmatch("\n(##+) ([^\n]+)") do
    local name = anchor(heading)
    if #marks <= rank or besides[name] then set[name] = true end
  end
  return set
end

-- Tells whether a link of docs/ leads to a file, and to a heading of it if it names one.
local function leads_somewhere(link)
  local file, name = link:match("^([^#]*)#?(.*)$")
  if file == "" or file:find("^https?:") then return true end
  if not uv.fs_stat("docs/" .. file) then return false end
  return name == "" or anchors(read("docs/" .. file), 6, {})[name] ~= nil
end

-- The pages: their name, and the rank of the headings that their contents list.
local pages = { { name = "docs/api.md", rank = 3 }, { name = "docs/guide.md", rank = 2 } }

for _, page in ipairs(pages) do
  local text = read(page.name)

  describe(page.name, function()
    it("links to headings that exist, and to each of them", function()
      local linked = collect(text, "%]%(#([^)]*)%)")
      assert_same(anchors(text, page.rank, linked), linked)
    end)

    it("links to files that exist, and to headings of theirs", function()
      for link in text:gmatch("%]%(([^)%s]+)%)") do
        assert.is_true(leads_somewhere(link), link)
      end
    end)
  end)
end

-- ----------------------------------------------------------------- the snippets

-- Returns a page's snippets: heading, line, info string, code.
local function snippets(page)
  local list, heading, line, open = {}, nil, 0, nil
  for text in read(page.name):gmatch("(.-)\n") do
    line = line + 1
    if open and text == "```" then
      list[#list + 1], open = open, nil
    elseif open then
      open.code[#open.code + 1] = text
    elseif text:find("^```lua") then
      open = { heading = heading, line = line, info = text, code = {} }
    else
      heading = text:match("^##+ (.*)") or heading
    end
  end
  return list
end

-- Makes runs of blanks one, as the comments cannot show tabs.
local function plain(text) return (text:gsub("[ \t]+", " "):gsub(" $", "")) end

-- Returns what a snippet says it prints.
local function expected(snippet)
  local lines = {}
  for _, text in ipairs(snippet.code) do
    local output = text:match("%-%-> ?(.*)")
    if output then lines[#lines + 1] = plain(output) end
  end
  return lines
end

-- Runs a snippet; returns its lines of output and its exit status. The code
-- stands at its own line numbers, so that an error tells where it is.
local function run(snippet)
  local path = helper.write(("\n"):rep(snippet.line)
    .. table.concat(snippet.code, "\n") .. "\n")
  local child, lines = Child.lua(path), {}
  local status = child:wait()
  for text in child.text:gmatch("(.-)\n") do -- without the place of errors
    lines[#lines + 1] = plain(text:gsub(" %(/[^()]*:%d+%)$", ""))
  end
  return lines, status
end

-- What no snippet can bring about: a size that the system refuses, a fork.
local UNSHOWN = { ERR_SOCKET_BUFFER_SIZE = true, ERR_SOCKET_FORKED = true }

describe("docs/api.md", function()
  it("shows every method, option, event and code in a snippet", function()
    local parts, unseen = {}, {}
    for _, snippet in ipairs(snippets(pages[1])) do
      parts[#parts + 1] = table.concat(snippet.code, "\n")
    end
    local words = collect(table.concat(parts, "\n"), "[%w_]+")
    words.__close = words.close -- by the attribute
    for _, names in ipairs { public(dgram.Socket), keys(dgram), socket_options(),
      bind_options(), values("dgram.Event"), module_codes() } do
      for name in pairs(names) do
        if not (words[name] or UNSHOWN[name]) then unseen[name] = true end
      end
    end
    assert.same({}, sorted(unseen))
  end)
end)

-- Why a snippet cannot run here; nil if it can.
local function obstacle(snippet)
  if snippet.info:find("5.4", 1, true) and _VERSION < "Lua 5.4" then
    return "a snippet for Lua 5.4"
  end
  if snippet.info:find("Linux", 1, true) and os.getenv "PORTABLE" then
    return "a snippet for Linux"
  end
  local code = table.concat(snippet.code, "\n")
  if code:find("icmp = true", 1, true) and not traffic.has_icmp() then
    return "this build has no queue of errors"
  end
end

for _, page in ipairs(pages) do
  describe(page.name, function()
    for _, snippet in ipairs(snippets(page)) do
      it(("line %d: %s"):format(snippet.line, snippet.heading), function()
        local why = obstacle(snippet)
        if why then pending(why) end
        helper.run(function()
          assert.is_true(#expected(snippet) > 0, "it says no output")
          local lines, status = run(snippet)
          assert.same(expected(snippet), lines)
          assert.equal(0, status)
        end, 20)
      end)
    end
  end)
end
