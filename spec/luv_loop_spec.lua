-- The luv adapter: handles that somebody else closed, a module that goes, names
-- that luv does not look up at all.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"

-- What a script must print: each stands for a way to lose the loop's handles.
local scripts = {
  ["a script that closes every handle"] = [[
    local uv, dgram = require "luv", require "dgram"
    local s = dgram.createSocket "udp4"
    s:bindSync { address = "127.0.0.1" }
    uv.walk(function(h) if not h:is_closing() then h:close() end end)
    s:pause()
    s:close()
    uv.run()
    local t = dgram.createSocket "udp4"
    t:bind(0, function() t:close(function() print "done" end) end)
    uv.run()]],
  ["a script that closes every handle while sends wait to be tried again"] = [[
    local uv, dgram = require "luv", require "dgram"
    local path, heard = os.tmpname(), 0
    os.remove(path)
    local function fill(peer)
      local client = dgram.createSocket "unix_dgram"
      peer:bindSync { path = path }
      for _ = 1, 30 do client:send("x", path) end
      client:flush()
      return client
    end
    local peer = dgram.createSocket "unix_dgram"
    local client = fill(peer)
    uv.walk(function(h) if not h:is_closing() then h:close() end end)
    client:close()
    peer:close()
    uv.run()
    peer = dgram.createSocket "unix_dgram"
    client = fill(peer)
    peer:on("message", function()
      heard = heard + 1
      if heard == 30 then client:close() peer:close() print "done" end
    end)
    uv.run()]],
  ["a module that is unloaded"] = [[
    local dgram = require "dgram"
    local s = dgram.createSocket "udp4"
    s:bindSync { address = "127.0.0.1" }
    s:close()
    require "luv".run()
    s, dgram = nil, nil
    for k in pairs(package.loaded) do
      if k:match "^dgram" or k == "luv" then package.loaded[k] = nil end
    end
    for _ = 1, 5 do collectgarbage() end
    local uv = require "luv"
    local t = uv.new_timer()
    t:start(1, 0, function()
      local list = {}
      for i = 1, 1000 do list[i] = { i } end
      if #list == 1000 then print "done" end
      t:close()
    end)
    uv.run()]],
}

describe("the luv adapter", function()
  for name, script in pairs(scripts) do
    it("survives " .. name, function()
      helper.need_luv(pending)
      local child = Child.lua("-e", script)
      assert.equal("done", child:line())
      assert.equal(0, child:wait())
    end)
  end

  it("wakes a host that waits, from any thread", function()
    helper.need_luv(pending)
    local child = Child.lua("-e", [[
      local adapter = require("dgram.loop.luv").luv()
      local wake = adapter.waker()
      require("luv").new_timer():start(60000, 0, print)
      adapter.run "nowait"
      assert(adapter.patience() > 50000)
      wake()
      adapter.run "once"
      print "awake"
      os.exit(0)]])
    assert.equal("awake", child:line())
    assert.equal(0, child:wait())
  end)

  it("tells later of a name that luv refuses at once", function()
    helper.need_luv(pending)
    helper.run(function()
      local socket, inside, name = dgram.createSocket("udp4"), true, ("a"):rep(300)
      socket:bindSync { address = "127.0.0.1" }
      socket:send("x", 9, name, helper.expect(function(err)
        assert.is_false(inside)
        helper.has({ code = "ENOTFOUND", hostname = name }, err)
        socket:close()
      end))
      inside = false
    end)
  end)
end)

describe("the modules of the adapters", function()
  it("are found by their deprecated names, too", function()
    assert.equal(require "dgram.loop.luv", require "dgram.loop")
    assert.equal(require "dgram.loop.poll", require "dgram.pollloop")
  end)

  it("have each deprecated name in api.md, with one that there is", function()
    local section = helper.read("docs/api.md"):match("\n## Deprecated names\n(.-)\n## ")
    local found = {}
    for old, new in section:gmatch("the module `([%w.]+)` | [%d.]+ | `([%w.]+)`") do
      assert.equal(require(new), require(old))
      found[#found + 1] = old
    end
    assert.are.same({ "dgram.loop", "dgram.pollloop" }, found)
  end)
end)
