-- What a release consists of agrees: one version everywhere, a tarball with what it
-- should have, Debian's packages with every module, the manual page with every name.
-- (`make test-dist` and `make deb` build and try them, which takes minutes.)
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"

local read = helper.read
local VERSION = dgram._VERSION:match("^dgram (.+)$")
local ROCKSPEC = "rockspecs/dgram-" .. VERSION .. "-1.rockspec"

-- A shell command that must succeed; returns its output.
local function run(command, ...)
  local text, good = host.output(command:format(...))
  assert(good, text)
  return text
end

-- A command of make, as from a shell of its own.
local MAKE = "env -u MAKEFLAGS -u MAKELEVEL make -s --no-print-directory "

-- Why the version need not be anywhere else yet, or nil.
local unreleased = VERSION:find("-dev", 1, true) and "a version in development" or nil

-- Ends a spec that is for the version of a release.
local function needs_release()
  if unreleased then pending(unreleased) end
end

-- The lines of a text, as the keys of a table.
local function lines_of(text)
  local set = {}
  for line in text:gmatch("[^\n]+") do set[line] = true end
  return set
end

describe("a release", function()
  it("has a version of three numbers", function()
    assert.is_truthy(VERSION:find("^%d+%.%d+%.%d+$") or VERSION:find("^%d+%.%d+%.%d+%-dev$"))
  end)

  it("has it in the changelog, with a date, below what is not released", function()
    needs_release()
    local first, second = read("CHANGELOG.md"):match("\n## ([^\n]+).-\n## ([^\n]+)")
    assert.equal("Unreleased", first)
    assert.equal(VERSION, second:match("^(%S+) – %d%d%d%d%-%d%d%-%d%d$"))
  end)

  it("has it in a rockspec that is the checkout's else", function()
    needs_release()
    local expected = read("dgram-scm-1.rockspec"):gsub('"scm%-1"', '"' .. VERSION .. '-1"')
      :gsub('\n  url = [^\n]+', '%0\n  tag = "v' .. VERSION .. '",')
    assert(read(ROCKSPEC) == expected, ROCKSPEC .. " is of other files: make rockspec")
  end)

  it("has it in Debian's changelog, and on the manual page", function()
    needs_release()
    assert.equal(VERSION, read("debian/changelog"):match("^lua%-dgram %((.-)%-%d+%)"))
    assert.equal(VERSION, read("docs/dgram.3lua"):match('\n%.TH DGRAM 3lua %S+ "dgram (.-)"'))
  end)

  it("has its licence in the packages", function()
    local function words(text)
      return (text:gsub("\n %.\n", "\n"):gsub("%s+", " "))
    end
    local text = read("LICENSE"):match("(Permission is.*)")
    assert.is_truthy(words(read("debian/copyright")):find(words(text), 1, true))
  end)
end)

describe("make dist", function()
  local place = helper.path() .. "-dist"
  local reason = unreleased or not host.has("git") and "no git"
    or not host.succeeds("git ls-files --error-unmatch Makefile") and "no checkout"

  setup(function()
    if reason then return end
    run("%s dist DIST=%s/a && %s dist DIST=%s/b", MAKE, place, MAKE, place)
  end)
  teardown(function() host.output("rm -rf " .. place) end)

  it("makes a tarball of what is committed, and of nothing that was built", function()
    if reason then pending(reason) end
    local name = "dgram-" .. VERSION
    local found = lines_of(run("tar tf %s/a/%s.tar.gz", place, name))
    for _, path in ipairs { "LICENSE", "README.md", "CHANGELOG.md", "Makefile",
      "dgram-scm-1.rockspec", ROCKSPEC, "lua/dgram.lua", "src/engine/engine.h",
      "spec/run", "docs/api.md", "docs/dgram.3lua", "debian/rules" } do
      assert.is_true(found[name .. "/" .. path], path)
    end
    for path in pairs(found) do
      assert.is_truthy(path:find(name .. "/", 1, true) == 1, path)
      assert.is_nil(path:match("/build/") or path:match("/%.git/") or path:match("%.[oad]$")
        or path:match("%.so$") or path:match("%.rock$"), path)
    end
  end)

  it("makes a rock with its rockspec and the same files", function()
    if reason then pending(reason) end
    if not host.has("unzip") then pending("no unzip") end
    local text = run("unzip -Z1 %s/a/dgram-%s-1.src.rock", place, VERSION)
    local found = lines_of(text)
    assert.is_true(found["dgram-" .. VERSION .. "-1.rockspec"])
    for path in text:gmatch("[^\n]+") do
      assert.is_truthy(path:find("^dgram/") or path:find("%.rockspec$"), path)
    end
    assert.is_true(found["dgram/src/lua/core.c"])
  end)

  it("makes the same bytes again", function()
    if reason then pending(reason) end
    run("cd %s && for f in a/*; do cmp $f b/${f#a/} || exit 1; done", place)
  end)
end)

describe("Debian's packages", function()
  for _, version in ipairs { "5.1", "5.2", "5.3", "5.4" } do
    it("have every file of the library, for Lua " .. version, function()
      local text = run("%s -f debian/lua%s.dh-lua.conf --eval "
        .. "'all: ; @echo $(LUA_SOURCES) $(CLIB_OBJS:.lo=.c)'", MAKE, version)
      local listed = lines_of((text:gsub(" ", "\n")))
      assert.are.same(host.files_in("src", host.files_in("lua")), listed)
    end)
  end
end)

describe("the manual page", function()
  local page = read("docs/dgram.3lua")
  local api = read("docs/api.md")

  -- The names in a text that follow `dgram.` or `socket:` and are called.
  local function calls_in(text)
    local set = {}
    for name in text:gmatch("[%a]+[.:]%a+%(") do
      if name:find("^dgram%.") or name:find("^socket:") then set[name] = true end
    end
    return set
  end

  it("has every function of api.md, and no other", function()
    local declared = {}
    for line in api:gmatch("\n    ([^\n]+)") do
      for name in pairs(calls_in(line)) do declared[name] = true end
    end
    local function_part = page:match("\n%.SH FUNCTIONS.-\n%.SH OPTIONS")
    assert.are.same(declared, calls_in(function_part))
  end)

  it("has every option and every event of api.md, and no other", function()
    local options, events = {}, {}
    local table_of_options = api:match("\n### Options\n(.-)\nNumbers must be whole")
    for name in table_of_options:gmatch("\n| `(%w+)` |") do options[name] = true end
    for name in api:gmatch("\n### Event: '(%a+)'") do events[name] = true end
    local listed, heard = {}, {}
    local text = page:match("\n%.SH OPTIONS.-createSocket :(.-)\n%.SH")
    for name in text:gmatch("%w+") do listed[name] = true end
    for name in page:match("\n%.SS Events(.-)\n%.SS"):gmatch("\n(%a+) +%(") do
      heard[name] = true
    end
    assert.are.same(options, listed)
    assert.are.same(events, heard)
  end)

  it("is accepted by the formatter without a warning", function()
    if not host.has("groff") then pending("no groff") end
    assert.equal("", run("groff -man -ww -Tutf8 docs/dgram.3lua 2>&1 >/dev/null"))
  end)
end)
