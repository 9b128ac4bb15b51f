-- The helpers of the specs: a wait that has what it waits for must end, and a
-- test that fails must not make others fail.
local Child = require "spec.support.child"
local helper = require "spec.support.helper"
local uv = require "luv"

describe("helper.wait", function()
  it("ends when a timer that was due was all that was to come", function()
    helper.run(function()
      local timer, done = uv.new_timer(), false
      timer:start(0, 0, function() done = true end)
      helper.wait(function() return done end)
      timer:close()
    end)
  end)

  it("gives the time it was told, however long ago the last turn was", function()
    helper.run(function()
      local timer, done = uv.new_timer(), false
      uv.sleep(100)
      timer:start(0, 0, function() done = true end)
      helper.wait(function() return done end, 0.1)
      timer:close()
    end)
  end)

  it("within a callback says so where luv runs no loop there", function()
    local run, said = uv.run, nil
    helper.run(function()
      local timer = uv.new_timer()
      timer:start(0, 0, function()
        function uv.run() return nil, "loop already running" end
        said = helper.raised(helper.wait, function() return false end)
        uv.run = run
        timer:close()
      end)
      helper.wait(function() return said end)
    end)
    assert.truthy(tostring(said):find("this luv runs no loop within the loop", 1, true))
  end)
end)

describe("helper.pass", function()
  it("takes as long as it was told, however long ago the last turn was", function()
    helper.run(function()
      uv.sleep(100)
      local begin = uv.hrtime()
      helper.pass(50)
      assert.is_true(uv.hrtime() - begin >= 49e6) -- the loop counts whole milliseconds
    end)
  end)
end)

describe("the path of a test", function()
  local path

  it("is there as long as the test runs", function()
    path = helper.write("x")
    assert.equal("x", helper.read(path))
  end)

  it("is removed behind it, with helper.run or without", function()
    assert.is_nil(uv.fs_stat(path))
  end)
end)

-- A spec file of four tests: one that fails while much is under way, in one of
-- the ways below, and three that find all as it was.
local FILE = [[
  local dgram = require "dgram"
  local helper = require "spec.support.helper"
  local uv = require "luv"
  local directory, hook = uv.cwd(), debug.gethook()

  local function leave_much()
    local path, peer = helper.path(), dgram.createSocket("unix_dgram")
    peer:bindSync { path = path }
    peer:pause()
    local client = dgram.createSocket("unix_dgram")
    client:connectSync(path)
    for _ = 1, 50 do
      client:send("it waits", function(err) if err then error "a late callback" end end)
    end
    local held = dgram.createSocket { type = "udp4", lookup = function() end }
    held:send("it waits for a lookup", 9, "name.test")
    uv.new_timer():start(0, 1, function() end)
    uv.new_prepare():start(function() end)
    uv.new_udp():bind("127.0.0.1", 0)
    local pipe = uv.new_pipe(false)
    uv.spawn("sh", { args = { "-c", "trap '' TERM; cat" }, stdio = { pipe } },
      function() error "its end" end)
    uv.os_setenv("DGRAM_LEFT", "x")
    uv.chdir("/")
    uv.hrtime, os.rename = nil, nil
    dgram.createSocket = function() error "replaced" end
    if not hook then debug.sethook(function() end, "", 1000) end
  end

  it("fails", function() %s end)

  for i = 1, 3 do
    it("is good, number " .. i, function()
      helper.run(function()
        assert.is_nil(os.getenv "DGRAM_LEFT")
        assert.equal(directory, uv.cwd())
        assert.equal(hook, debug.gethook())
        assert.is_number(uv.hrtime())
        assert.is_function(os.rename)
        local socket, inbox = helper.bound("udp4")
        assert.is_true(uv.loop_alive())
        socket:send("x", socket:address().port, helper.expect())
        helper.fill(inbox)
        socket:close()
        uv.run("nowait")
        uv.run("nowait")
        assert.is_false(uv.loop_alive())
        local reader, writer = dgram.createSocket("unix_dgram"), dgram.createSocket("unix_dgram")
        local path, heard = helper.path(), 0
        reader:bindSync { path = path }
        for _ = 1, 50 do writer:send("it waits", path) end
        writer:close()
        reader:on("message", function() heard = heard + 1 end)
        helper.wait(function() return heard == 50 end)
        reader:close() -- and all linger as ever
      end)
    end)
  end
]]

-- Runs such a file with busted; returns what it printed.
local function report(failing)
  local path = helper.write((FILE:gsub("%%s", failing)), helper.path ".lua")
  return select(2, Child.lua("spec/busted.lua", path):outcome(20))
end

describe("a test that fails", function()
  -- How, and what the report says of it.
  local ways = {
    ["at an assert"] = { [[helper.run(function()
      leave_much()
      assert.equal(1, 2)
    end)]], "Expected objects to be equal" },
    ["because what it waits for never comes"] = { [[helper.run(function()
      leave_much()
      helper.wait(function() return false end, 0.3)
    end)]], "nothing after 0.3 s" },
    ["because the loop does not end"] = { [[helper.run(leave_much, 0.3)]],
      "nothing after 0.3 s" },
    ["because a condition raises"] = { [[helper.run(function()
      leave_much()
      helper.wait(function() error "the condition" end)
    end)]], "the condition" },
    ["because a timer's callback raises"] = { [[helper.run(function()
      leave_much()
      uv.new_timer():start(0, 0, function() error "in a timer" end)
      helper.wait(function() return false end)
    end)]], "in a timer" },
    ["because a listener raises"] = { [[helper.run(function()
      leave_much = nil
      local socket = helper.bound("udp4")
      socket:on("message", function() error "in a listener" end)
      socket:send("x", socket:address().port)
      helper.wait(function() return false end)
    end)]], "in a listener" },
    ["because a callback raises that nobody waits for"] = { [[
      uv.new_timer():start(0, 0, function() error "unseen" end)
      uv.run()]], "unseen" },
    ["because of an expected call"] = { [[helper.run(function()
      helper.bound("udp4"):close(helper.expect(2))
    end)]], "called 1 times instead of 2" },
    ["because it leaves a socket"] = { [[helper.run(function()
      helper.bound("udp4"):unref()
    end)]], "left behind: 1 handles, 1 descriptors" },
  }

  for name, way in pairs(ways) do
    it(name .. " is the only one", function()
      helper.run(function()
        local text = report(way[1])
        assert.truthy(text:find(way[2], 1, true), text)
        assert.truthy(text:find("\n[34] passed, 1 failed\n$"), text)
      end, 25)
    end)
  end
end)
