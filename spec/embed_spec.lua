-- A C program around the library: examples/embed, compiled and run.
local Child = require "spec.child"
local dgram = require "dgram"
local helper = require "spec.helper"
local host = require "spec.host"
local uv = require "luv"

local program = helper.path() .. "-host"
local reason, core

-- Compiles the example; returns why that cannot be done here.
local function compile()
  if not host.has("pkg-config") then return "no pkg-config" end
  local packages = "lua5.4 lua5.4-luv libuv"
  if not select(2, host.output("pkg-config --exists " .. packages)) then
    return "no headers of lua5.4, luv and libuv"
  end
  core = host.core_path("lua5.4")
  if not core then return "no lua5.4" end
  local text, good = host.output(("cc -Wall -Wextra -Werror -o %s %s $(%s %s)"):format(
    program, "examples/embed/host.c", "pkg-config --cflags --libs", packages))
  assert(good, text)
end

describe("a C host", function()
  setup(function() reason = compile() end)
  teardown(function() os.remove(program) end)
  after_each(Child.stop_all)

  -- Starts the program, behind a command if one is given.
  local function start(...)
    local arguments = { ... }
    arguments[#arguments + 1] = program
    arguments[#arguments + 1] = "examples/embed/service.lua"
    return Child.start("env", "LUA_PATH=" .. uv.cwd() .. "/lua/?.lua;;",
      "LUA_CPATH=" .. core .. ";;", (table.unpack or unpack)(arguments))
  end

  -- Sends a message to a port and back.
  local function echoes(port)
    local socket, got = dgram.createSocket("udp4"), nil
    socket:on("message", function(msg) got = msg end)
    socket:send("hello", port, "127.0.0.1")
    helper.wait(function() return got end)
    assert.are.equal("hello", got)
    socket:close()
  end

  -- Both services answer, and the program ends well with its input.
  local function serves(child)
    local first = child:line("^listening on port (%d+)$")
    local second = child:line("^listening on port (%d+)$")
    assert.are_not.equal(first, second)
    echoes(tonumber(first))
    echoes(tonumber(second))
    child.input:shutdown()
    assert.are.equal(0, child:wait())
  end

  it("serves from two states on two loops in two threads", function()
    if reason then pending(reason) end
    helper.run(function() serves(start()) end)
  end)

  it("makes no mistake with memory that valgrind sees", function()
    if reason then pending(reason) end
    if not host.has("valgrind") then pending("no valgrind") end
    helper.run(function()
      serves(start("valgrind", "-q", "--error-exitcode=99", "--leak-check=full"))
    end, 20)
  end)

  it("tells why a service does not start", function()
    if reason then pending(reason) end
    helper.run(function()
      local child = Child.start("sh", "-c", 'exec "$0" no/such/file.lua 2>&1',
        program)
      child:line("cannot open no/such/file.lua")
      child:line("cannot open no/such/file.lua")
      child.input:shutdown()
      assert.are.equal(1, child:wait())
    end)
  end)
end)
