-- Node is the oracle: every scenario in spec/oracle/ is run by Node and by us,
-- at the same time, and the two logs are the same, line by line, but for the
-- differences that stand at the head of its Lua side (see differences.lua).
-- Rules of a newer Node than 20 come from its documentation: see the end.
local uv = require "luv"
local dgram = require "dgram"
local differences = require "spec.oracle.differences"
local helper = require "spec.helper"

local DEADLINE = 10000 -- milliseconds that a scenario may take

-- The major version of the installed Node, 0 without one.
local function node_version()
  local pipe = io.popen("node --version 2>/dev/null")
  local major = pipe:read("*a"):match("^v(%d+)")
  pipe:close()
  return tonumber(major) or 0
end

-- The environment of a child that finds the modules that we find.
local function environment()
  local list, version = {}, _VERSION:gsub("^Lua (%d)%.(%d)$", "_%1_%2")
  local all = uv.os_environ()
  all["LUA_PATH" .. version], all["LUA_CPATH" .. version] = nil, nil
  all.LUA_PATH, all.LUA_CPATH = "./?.lua;" .. package.path, package.cpath
  for key, value in pairs(all) do list[#list + 1] = key .. "=" .. value end
  return list
end

-- A bound socket of luv for a child to inherit, and its descriptor.
local function inheritance(new)
  local handle = new()
  assert(handle:bind("127.0.0.1", 0))
  return handle, handle:fileno()
end

-- Starts a child with a udp socket as 3 and a tcp socket as 4; the result gets
-- `text`, what it printed on both streams, and `code` when it has ended.
local function start(file, argument)
  local child = { text = { "", "" }, open = 3 }
  local pipes = { uv.new_pipe(false), uv.new_pipe(false) }
  local udp, udp_fd = inheritance(uv.new_udp)
  local tcp, tcp_fd = inheritance(uv.new_tcp)
  child.process = assert(uv.spawn(file, { args = { argument },
    env = environment(), stdio = { nil, pipes[1], pipes[2], udp_fd, tcp_fd },
  }, function(code, signal)
    child.code, child.open = code + signal, child.open - 1
    child.process:close()
  end))
  udp:close()
  tcp:close()
  for i, pipe in ipairs(pipes) do
    pipe:read_start(function(_, data)
      if data then child.text[i] = child.text[i] .. data return end
      child.open = child.open - 1
      pipe:close()
    end)
  end
  return child
end

-- Waits until all children have ended; those that are late are killed.
local function wait(children)
  local timer = uv.new_timer()
  timer:start(DEADLINE, 0, function()
    for _, child in ipairs(children) do
      if not child.code then child.process:kill("sigkill") end
    end
  end)
  for _, child in ipairs(children) do
    while child.open > 0 do uv.run("once") end
  end
  timer:close()
  uv.run("nowait") -- luv must not be left with handles that are half closed
end

-- The lines that a child printed; how it ended is the last one.
local function log_of(child)
  local lines = {}
  for line in child.text[1]:gmatch("[^\n]+") do lines[#lines + 1] = line end
  local uncaught = child.text[2]:match("Uncaught Error: ([^\n]*)")
  if uncaught then lines[#lines + 1] = "uncaught " .. uncaught end
  lines[#lines + 1] = child.code == 0 and "ended well" or "ended badly"
  return lines
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

-- The difference of two lists of lines: "< " the first has, "> " the second,
-- "  " both; and the lines that differ, each with its place in the first list.
local function compare(a, b)
  local length, i, j = common_tails(a, b), 1, 1
  local all, changes = {}, {}
  while i <= #a or j <= #b do
    local place, line = i
    if i <= #a and j <= #b and a[i] == b[j] then
      line, i, j = "  " .. a[i], i + 1, j + 1
    elseif j > #b or i <= #a and length[i + 1][j] >= length[i][j + 1] then
      line, i = "< " .. a[i], i + 1
    else
      line, j = "> " .. b[j], j + 1
    end
    all[#all + 1] = line
    if line:sub(1, 1) ~= " " then changes[#changes + 1] = place .. line end
  end
  return all, changes
end

-- What a person reads when the logs differ otherwise than declared.
local function report(name, all, declared, children)
  return ("%s: Node's log (<) and ours (>):\n%s\n\ndeclared differences:\n%s"
    .. "\n\nNode's errors: %s\nour errors: %s"):format(name,
    table.concat(all, "\n"), table.concat(declared, "\n"),
    children[1].text[2], children[2].text[2])
end

-- Runs a scenario on both sides and compares the logs.
local function check(name)
  local path = "spec/oracle/" .. name
  local children = { start("node", path .. ".js"),
    start(uv.exepath(), path .. ".lua") }
  wait(children)
  local all, changes = compare(log_of(children[1]), log_of(children[2]))
  local reasons, declared = differences.read(name)
  assert.are.equal(table.concat(declared, "\n"), table.concat(changes, "\n"),
    report(name, all, declared, children))
  assert.are.equal(#reasons > 0, #changes > 0, "a reason for each difference")
end

-- The bold beginnings of README's items under its heading on what differs.
local function readme_reasons()
  local reasons, inside = {}, false
  for line in io.lines("README.md") do
    if line:find("^## ") then inside = line:find("differ") end
    local item = inside and line:match("^%- %*%*(.-)%.?%*%*")
    if item then reasons[#reasons + 1] = item end
  end
  table.sort(reasons)
  return reasons
end

describe("the oracle", function()
  local names, version = differences.names(), node_version()

  it("has a Lua side for every Node side", function()
    assert.is_true(#names >= 45)
    for _, name in ipairs(names) do
      assert(io.open("spec/oracle/" .. name .. ".lua"), name):close()
    end
  end)

  for _, name in ipairs(names) do
    it("agrees: " .. name, function()
      if version < 20 then pending("node 20 or later is not installed") end
      check(name)
    end)
  end

  it("has the differences that README lists", function()
    local _, reasons = differences.all()
    assert.are.same(reasons, readme_reasons())
  end)
end)

-- These rules are those of the documentation of Node 26; Node 20 lacks the
-- functions and options, so that no oracle can be asked.
describe("a newer Node, by its documentation:", function()
  local function socket(options)
    if type(options) == "string" then options = { type = options } end
    return dgram.createSocket(options)
  end

  local function thrown(fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    return err
  end

  local function list(address)
    local made = dgram.BlockList()
    made:addAddress(address)
    return made
  end

  it("bindSync returns the address; 'listening' comes later", function()
    helper.run(function()
      local a, returned = socket("udp4"), false
      a:on("listening", helper.expect(function()
        assert.is_true(returned)
        a:close()
      end))
      local address = a:bindSync { address = "127.0.0.1", port = 0 }
      assert.are.equal("127.0.0.1", address.address)
      assert.are.equal("IPv4", address.family)
      assert.is_true(address.port > 0)
      assert.are.same(address, a:address())
      returned = true
    end)
  end)

  it("bindSync binds every address when none is given", function()
    helper.run(function()
      local four, six = socket("udp4"), socket("udp6")
      assert.are.equal("0.0.0.0", four:bindSync().address)
      assert.are.equal("::", six:bindSync({}).address)
      four:close()
      six:close()
    end)
  end)

  it("bindSync throws what bind emits, and can be called again", function()
    helper.run(function()
      local a, b = socket("udp4"), socket("udp4")
      b:on("error", helper.expect(0))
      local taken = a:bindSync { address = "127.0.0.1" }
      local err = thrown(b.bindSync, b, taken)
      assert.are.equal("EADDRINUSE", err.code)
      assert.are.equal("bind", err.syscall)
      assert.are.equal(taken.port, err.port)
      assert.are.equal("0.0.0.0", b:bindSync().address)
      assert.are.equal("ERR_SOCKET_ALREADY_BOUND", thrown(b.bindSync, b).code)
      a:close()
      b:close()
      err = thrown(b.bindSync, b)
      assert.are.equal("ERR_SOCKET_DGRAM_NOT_RUNNING", err.code)
    end)
  end)

  it("bindSync and connectSync resolve no names", function()
    helper.run(function()
      local a = socket("udp4")
      local err = thrown(a.bindSync, a, { address = "localhost" })
      assert.are.equal("ERR_INVALID_ARG_VALUE", err.code)
      err = thrown(a.connectSync, a, 9, "localhost")
      assert.are.equal("ERR_INVALID_ARG_VALUE", err.code)
      a:close()
    end)
  end)

  it("connectSync binds and connects; 'connect' comes later", function()
    helper.run(function()
      local a, returned = socket("udp4"), false
      a:on("connect", helper.expect(function()
        assert.is_true(returned)
        a:close()
      end))
      assert.is_nil(a:connectSync(9, "127.0.0.1"))
      assert.are.same({ address = "127.0.0.1", family = "IPv4", port = 9 },
        a:remoteAddress())
      assert.is_true(a:address().port > 0)
      local err = thrown(a.connectSync, a, 9)
      assert.are.equal("ERR_SOCKET_DGRAM_IS_CONNECTED", err.code)
      returned = true
    end)
  end)

  it("connectSync connects to the own host when no address is given", function()
    helper.run(function()
      local four, six = socket("udp4"), socket("udp6")
      four:connectSync(9)
      six:connectSync(9)
      assert.are.equal("127.0.0.1", four:remoteAddress().address)
      assert.are.equal("::1", six:remoteAddress().address)
      four:close()
      six:close()
    end)
  end)

  it("connectSync throws while a bind is in progress", function()
    helper.run(function()
      local a = socket { type = "udp4", lookup = function() end }
      a:bind(0, "name")
      local err = thrown(a.connectSync, a, 9, "127.0.0.1")
      assert.are.equal("ERR_SOCKET_ALREADY_BOUND", err.code)
      a:close()
    end)
  end)

  it("connectSync throws for an address of the other family", function()
    helper.run(function()
      local a = socket("udp4")
      assert.are.equal("connect", thrown(a.connectSync, a, 9, "::1").syscall)
      a:close()
    end)
  end)

  it("reusePort lets two sockets bind one port", function()
    helper.run(function()
      local a = socket { type = "udp4", reusePort = true }
      local b = socket { type = "udp4", reusePort = true }
      local ok, address = pcall(a.bindSync, a, { address = "127.0.0.1" })
      if not ok and address.code == "ENOTSUP" then
        pending("no SO_REUSEPORT that spreads datagrams")
      end
      assert.are.equal(address.port, b:bindSync(address).port)
      a:close()
      b:close()
    end)
  end)

  it("datagrams from a receiveBlockList are not heard", function()
    helper.run(function()
      local a = socket { type = "udp4", receiveBlockList = list("127.0.0.2") }
      local bad, good = socket("udp4"), socket("udp4")
      local port = a:bindSync().port
      bad:bindSync { address = "127.0.0.2" }
      good:bindSync { address = "127.0.0.1" }
      a:on("message", helper.expect(function(msg, rinfo)
        assert.are.equal("heard", msg)
        assert.are.equal("127.0.0.1", rinfo.address)
        for _, each in ipairs { a, bad, good } do each:close() end
      end))
      bad:send("unheard", port, "127.0.0.1", helper.expect(function()
        good:send("heard", port, "127.0.0.1")
      end))
    end)
  end)

  it("a sendBlockList refuses send and connect: ERR_IP_BLOCKED", function()
    helper.run(function()
      local a = socket { type = "udp4", sendBlockList = list("127.0.0.2") }
      a:send("x", 9, "127.0.0.2", helper.expect(function(err)
        assert.are.equal("ERR_IP_BLOCKED", err.code)
        a:connect(9, "127.0.0.2", helper.expect(function(refused)
          assert.are.equal("ERR_IP_BLOCKED", refused.code)
          a:close()
        end))
      end))
    end)
  end)

  it("a block list that is none is refused", function()
    for _, option in ipairs { "receiveBlockList", "sendBlockList" } do
      local err = thrown(socket, { type = "udp4", [option] = 5 })
      assert.are.equal("ERR_INVALID_ARG_TYPE", err.code)
      assert.is_truthy(err.message:find("options." .. option, 1, true))
    end
  end)
end)
