-- A C program around the library: examples/embed, compiled and run.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local uv = require "luv"

local program = helper.path() .. "-host"
local reason, core

local LUA = jit and "luajit" or "lua" .. _VERSION:match("%d%.%d")

-- The command of docs/embedding.md that compiles the example, for this interpreter.
local function compilation()
  local page = helper.read("docs/embedding.md")
  local line = page:match("\n    (cc %-o host host%.c [^\n]*)")
  local luajit = page:match("`(%$%(pkg%-config %-%-cflags luajit.-)`")
  if jit then return (line:gsub("%$%(.*%)", (luajit:gsub("%s+", " ")))) end
  return (line:gsub("lua5%.4", LUA))
end

-- Compiles the example; returns why that cannot be done here.
local function compile()
  if not host.has("pkg-config") then return "no pkg-config" end
  if not host.has("cc") then return "no C compiler (cc)" end
  for options in compilation():gmatch("%$%((pkg%-config [^)]*)%)") do
    if not host.succeeds(options) then return "not installed: what " .. options .. " finds" end
  end
  core = host.core_path(LUA)
  local text, good = host.output("cd examples/embed && " .. compilation():gsub("%-o host",
    "-g -Wall -Wextra -Werror -o " .. program))
  assert(good, text)
end

describe("a C host", function()
  setup(function() reason = compile() end)
  teardown(function() os.remove(program) end)
  -- Starts a command line where the library is found; errors are output, too.
  local function start(command)
    return Child.start("env", "LUA_PATH=" .. uv.cwd() .. "/lua/?.lua;;",
      "LUA_CPATH=" .. core .. ";;", "sh", "-c", "exec " .. command .. " 2>&1")
  end

  local serve = program .. " examples/embed/service.lua"
  local memcheck = "valgrind -q --error-exitcode=99 --leak-check=full "

  -- Sends a message to a port and back; one that raises first, if that is seen.
  local function echoes(port, raised)
    local socket, got = dgram.createSocket("udp4"), nil
    socket:on("message", function(msg) got = msg end)
    if raised then
      socket:send("raise", port, "127.0.0.1")
      raised()
    end
    socket:send("hello", port, "127.0.0.1")
    helper.wait(function() return got end)
    assert.are.equal("hello", got)
    socket:close()
  end

  -- The port of a service that has started.
  local function listening(child)
    return tonumber((child:line("^listening on port (%d+)$")))
  end

  -- Both services answer, and the program ends well with its input.
  local function serves(child)
    local first, second = listening(child), listening(child)
    assert.are_not.equal(first, second)
    echoes(first)
    echoes(second)
    child.input:shutdown()
    assert.are.equal(0, child:wait())
  end

  it("serves from two states on two loops in two threads", function()
    if reason then pending(reason) end
    helper.run(function() serves(start(serve)) end)
  end)

  it("makes no mistake with memory that valgrind sees", function()
    if reason then pending(reason) end
    if not host.has("valgrind") then pending("no valgrind") end
    helper.run(function() serves(start(memcheck .. serve)) end, 20)
  end)

  it("goes on after an error, and ends when the service cannot", function()
    if reason then pending(reason) end
    if not host.has("valgrind") then pending("no valgrind") end
    helper.run(function()
      local child = start(memcheck .. program .. " spec/embed/faulty.lua")
      local ports = { listening(child), listening(child) }
      for _, port in ipairs(ports) do
        echoes(port, function() child:line("a listener raised") end)
      end
      child.input:shutdown()
      child:line("cannot stop")
      child:line("cannot stop")
      assert.are.equal(1, child:wait())
    end, 20)
  end)

  it("tells why a service does not start", function()
    if reason then pending(reason) end
    helper.run(function()
      local child = start(program .. " no/such/file.lua")
      child:line("cannot open no/such/file.lua")
      child:line("cannot open no/such/file.lua")
      child.input:shutdown()
      assert.are.equal(1, child:wait())
    end)
  end)
end)
