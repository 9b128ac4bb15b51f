-- The rock, without network: built into a tree, packed, installed elsewhere,
-- and tested by luarocks itself. luv is taken from the system.
local helper = require "spec.support.helper"
local host = require "spec.support.host"

local NAME = "dgram-scm-1"
local place = helper.path() .. "-rocks"

-- Runs a command in the copied project, with no path of ours; fails the spec
-- when it fails. Returns its output.
local function run(command, ...)
  local text, good = host.output(("cd %s/copy && export " ..
    "LUAROCKS_CONFIG=%s/config.lua && timeout 120 env -u LUA_INIT -u LUA_PATH " ..
    "-u LUA_CPATH -u LUA_PATH_5_4 -u LUA_CPATH_5_4 "):format(place, place)
    .. command:format(...))
  assert(good, text)
  return text
end

-- Runs LuaRocks for a version of Lua on a tree.
local function luarocks(version, tree, command)
  return run("luarocks --lua-version %s --tree %s/%s %s", version, place, tree,
    command)
end

local built = {}

-- Builds the rock into a tree of a version of Lua, once; returns its name.
local function tree_of(version)
  built[version] = built[version]
    or luarocks(version, "tree-" .. version, "make " .. NAME .. ".rockspec")
  return "tree-" .. version
end

-- A script finds the module in this tree and nowhere else.
local function works(version, tree)
  local root = place .. "/" .. tree
  local text = run("LUA_PATH='%s/share/lua/%s/?.lua' LUA_CPATH='%s/lib/lua/%s/?.so;;'"
    .. " lua%s spec/luarocks/echo.lua", root, version, root, version, version)
  assert.are.equal(("hello\t@%s/share/lua/%s/dgram.lua\n"):format(root, version),
    text)
end

-- The rockspec's variables.
local function rockspec()
  local variables = {}
  local chunk = assert(loadfile(NAME .. ".rockspec", "t", variables))
  if setfenv then setfenv(chunk, variables) end -- luacheck: ignore
  chunk()
  return variables
end

describe("LuaRocks", function()
  local reason = not host.has("luarocks") and "no luarocks" or nil

  setup(function()
    if reason then return end
    host.output(("mkdir -p %s/copy && cp -r src lua spec .busted %s.rockspec %s/copy")
      :format(place, NAME, place))
    helper.write('rocks_provided = { luv = "1.44.2-0" }\n', place .. "/config.lua")
  end)

  teardown(function() host.output("rm -r " .. place) end)

  -- A spec that needs LuaRocks.
  local function it_needs(what, program, test)
    it(what, function()
      if reason then pending(reason) end
      if not host.has(program) then pending("no " .. program) end
      test()
    end)
  end

  it("the rockspec lists every file of the library", function()
    local files, listed = host.files_in("src", host.files_in("lua")), {}
    for name, module in pairs(rockspec().build.modules) do
      for _, path in ipairs(module.sources or { module }) do listed[path] = true end
      if type(module) == "string" then
        assert.are.equal("lua/" .. name:gsub("%.", "/") .. ".lua", module)
      end
    end
    assert.are.same(files, listed)
  end)

  it_needs("lint accepts the rockspec", "lua5.4", function()
    run("luarocks lint %s.rockspec", NAME)
  end)

  for _, version in ipairs { "5.1", "5.4" } do
    local lua = "lua" .. version
    it_needs("make builds a tree that works alone: Lua " .. version, lua, function()
      if not host.core_path(lua) then pending("no headers of " .. lua) end
      works(version, tree_of(version))
    end)
  end

  it_needs("README's command builds one with the luv that is installed", "lua5.4", function()
    local line = helper.read("README.md"):match("luarocks ([^\n#]*make[^\n#]*)")
    run("env -u LUAROCKS_CONFIG luarocks --tree %s/readme %s", place, line)
    works("5.4", "readme")
  end)

  it_needs("what make leaves in the checkout is ignored", "git", function()
    local text, good = host.output("git check-ignore dgram/core.so src/engine/queue.o")
    if not good then pending("no checkout") end
    assert.are.equal("dgram/core.so\nsrc/engine/queue.o\n", text)
  end)

  it_needs("a packed rock installs elsewhere", "lua5.4", function()
    luarocks("5.4", tree_of("5.4"), "pack dgram scm-1")
    luarocks("5.4", "other", "install ./" .. NAME .. ".*.rock")
    works("5.4", "other")
  end)

  it_needs("a release's source rock installs without a network", "git", function()
    if not host.succeeds("git ls-files --error-unmatch Makefile") then pending("no checkout") end
    if require("dgram")._VERSION:find("-dev", 1, true) then
      pending("a version in development")
    end
    local text, good = host.output(("env -u MAKEFLAGS -u MAKELEVEL make -s dist DIST=%s/dist")
      :format(place))
    assert(good, text)
    luarocks("5.4", "released", ("install %s/dist/dgram-*.src.rock CFLAGS='-O0 -fPIC'")
      :format(place))
    works("5.4", "released")
  end)

  it_needs("test runs the specs", "lua5.4", function()
    local root = place .. "/" .. tree_of("5.4")
    local text = run("LUA_PATH='%s/share/lua/5.4/?.lua;;' LUA_CPATH='%s/lib/lua/5.4/?.so;;'"
      .. " luarocks --lua-version 5.4 --tree %s test %s.rockspec -- spec/emitter_spec.lua",
      root, root, root, NAME)
    assert.is_truthy(text:find("[1-9]%d* passed, 0 failed"))
  end)
end)
