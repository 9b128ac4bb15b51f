-- The turn of a loop: tasks, what they add, and what keeps the loop alive.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local poll_loop = require("spec.support.inside").poll_loop
local traffic = require "spec.support.traffic"
local uv = require "luv"

describe("a turn", function()
  it("serves sends of a 'listening' that came inside a send callback", function()
    helper.run(function()
      local a, b = helper.bound("udp4"), dgram.createSocket("udp4")
      local port, heard = a:address().port, 0
      a:send("1", port, "127.0.0.1", helper.expect(function()
        b:bind(0, "127.0.0.1", helper.expect(function()
          for _ = 1, 5 do
            b:send("b", port, "127.0.0.1", function() heard = heard + 1 end)
          end
        end))
      end))
      helper.wait(function() return heard == 5 end)
      helper.close(a, b)
    end)
  end)

  it("comes for what a turn within it found due", function()
    local loop, expired = poll_loop.new(), false
    local socket = dgram.createSocket { type = "udp4", loop = loop }
    socket:bind(0, "127.0.0.1", function()
      loop.scheduler:after(1, { expire = function() expired = true end })
      loop.run("once") -- its timer ends in here
    end)
    socket:unref()
    loop.run()
    assert.is_true(expired)
    socket:close()
    loop.run()
  end)

  it("does all that waited when it began: what is answered does not pile up", function()
    local loop, COUNT, told = poll_loop.new(), 5000, 0
    local list = dgram.BlockList()
    list:addAddress("127.0.0.1")
    local socket = dgram.createSocket { type = "udp4", loop = loop, sendBlockList = list }
    socket:bindSync()
    loop.run("nowait")
    for _ = 1, COUNT do
      socket:send("x", 9, "127.0.0.1", function(err)
        told = told + (err.code == "ERR_IP_BLOCKED" and 1 or 0)
      end)
    end
    assert.equal(0, told)
    loop.run("nowait")
    assert.equal(COUNT, told)
    socket:close()
    loop.run()
  end)

  it("comes for sends that wait although the socket is unreferenced", function()
    helper.run(function()
      local peer, _, path = traffic.full_peer()
      local done = 0
      local client = dgram.createSocket("unix_dgram")
      client:connectSync(path)
      for _ = 1, 30 do client:send("x", function() done = done + 1 end) end
      client:flush()
      client:unref()
      local timer = uv.new_timer()
      timer:start(20, 0, function()
        timer:close()
        peer:resume()
      end)
      timer:unref()
      peer:unref()
      uv.run()
      assert.equal(30, done)
      helper.close(client, peer)
      if not timer:is_closing() then timer:close() end
    end)
  end)

  it("of one socket that raises leaves the others their retry", function()
    helper.run(function()
      local peer, heard, path = traffic.full_peer()
      local clients = { dgram.createSocket("unix_dgram"),
        dgram.createSocket("unix_dgram") }
      for _ = 1, 20 do
        for _, client in ipairs(clients) do client:send("x", path) end
      end
      peer:resume()
      helper.fill(heard, 40)
      helper.close(clients[1], clients[2], peer)
    end)
  end)

  it("whose timer could not be started once tries again all the same", function()
    local loop, heard, broken = poll_loop.new(), 0, true
    local timer, poll = loop.timer, loop.poll
    local watched = 0
    function loop.poll(...) -- what cannot be watched waits for the timer
      watched = watched + 1
      if watched == 1 then return poll(...) end
      return nil, "ENOSPC"
    end
    function loop.timer(callback)
      local handle = timer(callback)
      return { start = function(_, milliseconds)
        if broken then broken = false error("not enough memory", 0) end
        handle:start(milliseconds)
      end }
    end
    local path = helper.path()
    local peer = dgram.createSocket { type = "unix_dgram", loop = loop }
    local client = dgram.createSocket { type = "unix_dgram", loop = loop }
    peer:bindSync { path = path }
    for _ = 1, 30 do client:send("x", path) end
    assert.same({ false, "not enough memory" }, { pcall(client.flush, client) })
    peer:on("message", function()
      heard = heard + 1
      if heard < 30 then return end
      helper.close(client, peer)
    end)
    local late = timer(function() loop.stop() end)
    late:start(5000 * helper.PATIENCE)
    peer:on("close", function() late:stop() end)
    loop.run()
    assert.equal(30, heard)
  end)
end)

describe("bind to a descriptor", function()
  it("leaves a socket with sends under way as it is", function()
    helper.run(function()
      local peer, _, to = traffic.receiver("unix_dgram")
      local path, done = to.address, 0
      local client = dgram.createSocket("unix_dgram")
      for _ = 1, 30 do client:send("x", path, function() done = done + 1 end) end
      local err = helper.raised(client.bind, client, { fd = 0 })
      assert.equal("ERR_SOCKET_ALREADY_BOUND", err.code)
      helper.wait(function() return done == 30 end)
      helper.close(client, peer)
    end)
  end)
end)

describe("a loop that cannot watch a socket", function()
  it("does not keep what waits for writability from going out", function()
    local loop, path, heard, done = poll_loop.new(), helper.path(), 0, 0
    local peer = dgram.createSocket { type = "unix_dgram", loop = loop }
    peer:bindSync { path = path }
    peer:pause()
    loop.poll = function() return nil, "ENOSPC" end
    local client = dgram.createSocket { type = "unix_dgram", loop = loop }
    client:connectSync(path)
    local COUNT = 2000 -- more than a peer's queue takes
    for _ = 1, COUNT do client:send("x", function() done = done + 1 end) end
    loop.run("nowait")
    assert.is_true(done < COUNT)
    peer:on("message", function()
      heard = heard + 1
      if heard == COUNT then peer:close() end
    end)
    peer:resume()
    local late = loop.timer(function() loop.stop() end)
    late:start(5000 * helper.PATIENCE)
    client:on("close", function() late:stop() end)
    client:send("", function() done = done + 1 client:close() end)
    loop.run()
    assert.equal(COUNT + 1, done)
    assert.equal(COUNT, heard)
  end)
end)
