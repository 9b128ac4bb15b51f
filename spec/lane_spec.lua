-- A unix peer that does not read holds up nobody else's datagrams.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"

local uv = require "luv"

-- Fewer under valgrind, which looks at all the room of a batch in every read.
local COUNT = helper.sanitized and 60 or 200
local MANY, SENDERS = 10 * COUNT, COUNT / 10
local poll_loop = inside.poll_loop

describe("a unix peer that does not read", function()
  local paused_path, good_path, paused, good, sender, paused_heard, good_heard

  -- Runs a test with a peer that reads, one that does not, and a sender.
  local function scene(options, body)
    helper.run(function()
      local at
      paused, paused_heard, paused_path = traffic.full_peer()
      good, good_heard, at = traffic.receiver("unix_dgram")
      good_path = at.address
      sender = dgram.createSocket(options)
      body()
    end)
  end

  local function close_all() helper.close(sender, paused, good) end

  it("holds up nobody else, and gets all in order when it reads", function()
    scene("unix_dgram", function()
      for i = 1, COUNT do
        sender:send(tostring(i), paused_path)
        sender:send(tostring(i), good_path)
      end
      helper.wait(function() return #good_heard == COUNT end)
      assert.same(traffic.numbered(COUNT), good_heard)
      assert.is_true(sender:getSendQueueCount() > 0)
      paused:resume()
      helper.wait(function() return #paused_heard == COUNT end)
      assert.same(traffic.numbered(COUNT), paused_heard)
      helper.wait(function() return sender:getSendQueueCount() == 0 end)
      assert.equal(2 * COUNT, sender:stats().sent)
      close_all()
    end)
  end)

  it("gets a completion for each of its datagrams when the sender closes", function()
    scene({ type = "unix_dgram", linger = 0 }, function()
      local sent, canceled = 0, 0
      for i = 1, COUNT do
        sender:send(tostring(i), paused_path, function(err)
          if not err then sent = sent + 1
          elseif err.code == "ECANCELED" then canceled = canceled + 1 end
        end)
      end
      sender:send("1", good_path)
      helper.wait(function() return #good_heard == 1 end)
      close_all()
      helper.wait(function() return sent + canceled == COUNT end)
      assert.is_true(sent > 0 and canceled > 0)
    end)
  end)

  it("keeps others' datagrams from nothing when no more may wait", function()
    scene({ type = "unix_dgram", maxQueue = 40000 }, function()
      local refused = 0
      for _ = 1, COUNT do
        sender:send(("x"):rep(1000), paused_path, function(err)
          if err and err.code == "ENOBUFS" then refused = refused + 1 end
        end)
        sender:flush()
      end
      for i = 1, COUNT do sender:send(tostring(i), good_path, helper.sent()) end
      helper.wait(function() return #good_heard == COUNT and refused > 0 end)
      assert.same(traffic.numbered(COUNT), good_heard)
      assert.is_true(sender:getSendQueueSize() <= 40000)
      close_all()
    end)
  end)

  it("is refused what waited longest when another that does not read takes the room",
    function()
      scene({ type = "unix_dgram", maxQueue = 40000 }, function()
        local other, _, other_path = traffic.full_peer()
        local refused, told = { first = {}, second = 0 }, 0
        for i = 1, 35 do
          sender:send(("x"):rep(1000), paused_path, function(err)
            told = told + 1
            if err then table.insert(refused.first, i) end
          end)
        end
        sender:flush()
        local waiting = sender:getSendQueueCount()
        helper.wait(function() return told == 35 - waiting end)
        for _ = 1, 25 do
          sender:send(("y"):rep(1000), other_path, function(err)
            if err then refused.second = refused.second + 1 end
          end)
        end
        sender:send("last", paused_path)
        sender:flush()
        assert.is_true(sender:getSendQueueSize() <= 40000)
        helper.wait(function() return #refused.first > 0 end)
        assert.equal(35 - waiting + 1, refused.first[1])
        assert.equal(0, refused.second)
        paused:resume()
        helper.wait(function() return paused_heard[#paused_heard] == "last" end)
        assert.equal("last", table.remove(paused_heard))
        assert.equal(("x"):rep(1000 * (35 - #refused.first)), table.concat(paused_heard))
        other:close()
        close_all()
      end)
    end)

  it("alone makes send say no to itself, and has a 'drain' of its own", function()
    scene({ type = "unix_dgram", highWaterMark = 2000 }, function()
      local drained, sent = {}, 0
      sender:on("drain", function(path) drained[#drained + 1] = path or "all" end)
      repeat sent = sent + 1
      until not sender:flush():send(tostring(sent), paused_path)
      for i = 1, COUNT do
        assert.is_true(sender:send(tostring(i), good_path))
        helper.fill(good_heard, i)
      end
      assert.same(traffic.numbered(COUNT), good_heard)
      assert.same({}, drained)
      paused:resume()
      helper.wait(function() return #drained > 0 end)
      assert.same({ paused_path }, drained)
      assert.equal(0, sender:getSendQueueCount())
      helper.fill(paused_heard, sent)
      assert.same(traffic.numbered(sent), paused_heard)
      close_all()
    end)
  end)

  it("costs no memory for many datagrams that are refused: they are told at once", function()
    scene({ type = "unix_dgram", maxQueue = 40000 }, function()
      local batch, told, errs = {}, 0, {}
      for i = 1, COUNT do batch[i] = ("x"):rep(1000) end
      local function send_all(callback) sender:sendMany(batch, paused_path, callback) end
      send_all() -- what fits waits, the rest fails
      helper.wait(function() return sender:stats().sendErrors > 0 end)
      local held = sender:getSendQueueCount()
      for _ = 1, 10 do
        send_all(function(err, count) told, errs[err.code .. count] = told + 1, true end)
      end
      helper.wait(function() return told == 10 end)
      assert.same({ ENOBUFS0 = true }, errs)
      assert.is_true(sender:getSendQueueCount() <= held)
      close_all()
    end)
  end)

  it("does not delay a refusal: it is told in the loop's next turn", function()
    scene({ type = "unix_dgram", maxQueue = 3000 }, function()
      for _ = 1, 40 do sender:send(("x"):rep(100), paused_path) end
      helper.wait(function() return sender:stats().sendErrors > 0 end)
      helper.pass(100) -- the lane waits longer each time it was tried
      local told
      sender:send(("x"):rep(3000), paused_path, function(err) told = err.code end)
      local turns = 0
      while not told and turns < 3 do
        turns = turns + 1
        uv.run("nowait")
      end
      assert.equal("ENOBUFS", told)
      close_all()
    end)
  end)

  it("has a lane, and many others have theirs: nothing is refused", function()
    helper.run(function()
      local PEERS = 40
      sender = dgram.createSocket("unix_dgram")
      local peers, inboxes, before = {}, {}, helper.descriptors()
      for i = 1, PEERS do
        local path
        peers[i], inboxes[i], path = traffic.full_peer()
        for j = 1, 30 do sender:send(tostring(j), path, helper.sent()) end
        sender:flush()
      end
      local lanes = helper.descriptors() - before - PEERS
      assert.is_true(lanes <= 35, lanes .. " descriptors")
      for i = 1, PEERS do
        peers[i]:resume()
        helper.fill(inboxes[i], 30)
        assert.same(traffic.numbered(30), inboxes[i])
        peers[i]:close()
      end
      sender:close()
    end)
  end)

  -- Sends to 1030 peers that do not read; prints for whom something was refused.
  local CROWD = [[
    local refused, sender = {}, dgram.createSocket { type = "unix_dgram", linger = 0 }
    for i = 1, 1030 do
      local peer = dgram.createSocket("unix_dgram")
      local path = peer:bindSync().address
      peer:pause():unref()
      for _ = 1, 15 do
        sender:send("x", path, function(err)
          if err and err.code == "ENOBUFS" then refused[i] = true end
        end)
      end
    end
    sender:flush()
    uv.update_time()
    uv.new_timer():start(100, 0, function()
      local list = {}
      for i = 1, 1030 do if refused[i] then list[#list + 1] = i end end
      print(table.concat(list, " "))
      os.exit(0)
    end)
    uv.run()]]

  it("is given up when a thousand others do not read either", function()
    local child = Child.start("sh", "-c", 'ulimit -n 4096 2>/dev/null || echo no; exec "$@"',
      "sh", uv.exepath(), Child.script(CROWD))
    local line = child:line()
    if line == "no" then
      child:stop()
      pending("so many descriptors are not allowed")
    end
    assert.equal("1 2 3 4 5 6", line)
  end)

  -- What a peer holds unread is charged to its sender's buffer. How many peers there
  -- are, how long what each is sent is, and how often it is sent.
  local floods = { ["30 kB each"] = { 1, 30000, COUNT },
    ["2 kB each, five of them"] = { 5, 2000, COUNT },
    ["30 kB each, twenty of them"] = { 20, 30000, COUNT },
    ["30 kB each, more of them than it has descriptors for"] = { 40, 30000, 20 } }

  for what, flood in pairs(floods) do
    it("does not fill the buffer of a sender without a name with " .. what, function()
      scene("unix_dgram", function()
        local others = {}
        for i = 1, flood[1] do
          local peer, _, path = traffic.full_peer()
          others[i] = peer
          for _ = 1, flood[3] do sender:send(("x"):rep(flood[2]), path) end
          sender:flush()
        end
        for i = 1, COUNT do
          sender:send(tostring(i), good_path, helper.sent())
          helper.fill(good_heard, i)
        end
        helper.close(sender, paused, good)
        for _, peer in ipairs(others) do peer:close() end
      end)
    end)
  end

  it("fills the buffer of a sender with a name, which waits and goes on when it reads",
    function()
      scene("unix_dgram", function()
        local BIG, total = 100000, 0
        sender:bindSync { path = helper.path() }
        for i = 1, 40 do
          local peer = i % 2 == 0 and paused_path or good_path
          sender:send(("x"):rep(BIG), peer, helper.sent())
          total = total + 1
        end
        good:pause()
        sender:flush()
        traffic.assert_rests("a full buffer")
        assert.is_true(sender:getSendQueueCount() > 0)
        good:resume()
        paused:resume()
        helper.wait(function() return #good_heard + #paused_heard == total end)
        close_all()
      end)
    end)

  it("has nothing refused that a sender with a name, whose buffer is full, sends to others",
    function()
      if not inside.watches_lanes() then pending("no way to tell whose buffer is full") end
      helper.run(function()
        local peer, named = dgram.createSocket("unix_dgram"), dgram.createSocket {
          type = "unix_dgram", sendBufferSize = 50000 }
        local path, codes, many = peer:bindSync().address, {}, 1100
        peer:pause()
        named:bindSync { path = helper.path() }
        repeat named:send(("x"):rep(20000), path)
        until named:flush():getSendQueueCount() > 0
        for i = 1, many do
          named:send("x", "/nobody/there/" .. i, function(err)
            codes[err.code] = (codes[err.code] or 0) + 1
          end)
        end
        named:flush()
        assert.equal(many + 1, named:getSendQueueCount())
        peer:resume()
        helper.wait(function() return named:getSendQueueCount() == 0 end)
        helper.closed(named)
        assert.same({ ENOENT = many }, codes)
        peer:close()
      end)
    end)

  for _, name in ipairs { "without", "with" } do
    it("wakes a sender " .. name .. " a name when it reads: no timer is waited for", function()
      if not inside.watches_lanes() then pending("no epoll: lanes wait for a timer") end
      helper.run(function()
        local loop = poll_loop.new()
        local timer = loop.timer
        function loop.timer() return { start = function() end } end
        local reader = dgram.createSocket { type = "unix_dgram", loop = loop }
        local heard, path = helper.listen(reader), helper.path()
        reader:bindSync { path = path }
        sender = dgram.createSocket { type = "unix_dgram", loop = loop }
        if name == "with" then sender:bindSync { path = helper.path() } end
        for i = 1, MANY do sender:send(tostring(i), path) end
        local late = timer(function() loop.stop() end)
        late:start(5000 * helper.PATIENCE)
        reader:on("message", function()
          if #heard == MANY then
            late:stop()
            helper.close(sender, reader)
          end
        end)
        loop.run()
        assert.same(traffic.numbered(MANY), heard)
      end)
    end)
  end

  it("lets the loop rest, although its path is somebody else's by now", function()
    scene("unix_dgram", function()
      for i = 1, COUNT do sender:send(tostring(i), paused_path) end
      sender:flush()
      local sent = sender:stats().sent
      assert(os.rename(paused_path, helper.path()))
      local heir = dgram.createSocket("unix_dgram")
      local heard = helper.listen(heir)
      heir:bindSync { path = paused_path }
      heir:pause()
      helper.wait(function() return sender:stats().sent > sent end)
      traffic.assert_rests("a lane whose peer has changed")
      paused:resume() -- for it there is room now, in vain
      traffic.assert_rests("a lane whose earlier peer reads")
      heir:resume()
      helper.wait(function() return #heard == COUNT - sent end)
      for i, number in ipairs(heard) do assert.equal(tostring(sent + i), number) end
      heir:close()
      close_all()
    end)
  end)

  it("gets what is as large as the sender's buffer allows", function()
    scene({ type = "unix_dgram", sendBufferSize = 150000 }, function()
      for _ = 1, 20 do sender:send(("x"):rep(250000), paused_path, helper.sent()) end
      sender:flush()
      paused:resume()
      helper.fill(paused_heard, 20)
      close_all()
    end)
  end)

  it("whose socket is gone has the rest fail", function()
    scene("unix_dgram", function()
      local failed = 0
      for i = 1, COUNT do
        sender:send(tostring(i), paused_path, function(err)
          if err then failed = failed + 1 end
        end)
      end
      sender:flush()
      local waiting = sender:getSendQueueCount()
      paused:close()
      helper.wait(function() return failed == waiting end)
      helper.close(sender, good)
    end)
  end)
end)

describe("a close while a unix peer does not read", function()
  -- Sends more than the peer takes; returns how many went, and the others' codes.
  local function overfill(sender, path)
    local sent, codes = {}, {}
    for i = 1, COUNT do
      sender:send(tostring(i), path, function(err)
        if err then codes[#codes + 1] = err.code else sent[#sent + 1] = tostring(i) end
      end)
    end
    sender:flush()
    assert.is_true(sender:getSendQueueCount() > 0)
    return sent, codes
  end

  it("waits for it: what it reads in time is sent", function()
    helper.run(function()
      local peer, heard, path = traffic.full_peer()
      local sender = dgram.createSocket { type = "unix_dgram", linger = 60000 }
      local sent, codes = overfill(sender, path)
      sender:close(helper.expect())
      helper.pass(20)
      assert.is_true(#sent < COUNT)
      peer:resume()
      helper.fill(heard, COUNT)
      helper.wait(function() return #sent == COUNT end)
      assert.same({}, codes)
      peer:close()
    end)
  end)

  it("ends when the time is over: what is left is canceled", function()
    helper.run(function()
      local peer, _, path = traffic.full_peer()
      local sender = dgram.createSocket { type = "unix_dgram", linger = 30 }
      local begin, closed = uv.hrtime(), nil
      local sent, codes = overfill(sender, path)
      sender:close(function() closed = uv.hrtime() end)
      helper.wait(function() return closed end)
      assert.is_true(closed - begin >= 30e6)
      assert.equal(COUNT, #sent + #codes)
      for _, code in ipairs(codes) do assert.equal("ECANCELED", code) end
      peer:close()
    end)
  end)

  it("leaves no descriptor when it can wait no longer", function()
    helper.run(function()
      local before, loop, starts = helper.descriptors(), poll_loop.new(), 0
      local timer = loop.timer
      function loop.timer(callback)
        local handle = timer(callback)
        return { start = function(_, milliseconds)
          starts = starts + 1
          if starts > 2 then error("not enough memory", 0) end
          handle:start(milliseconds)
        end }
      end
      local peer, _, path = traffic.full_peer()
      local sender = dgram.createSocket { type = "unix_dgram", loop = loop,
        linger = 60000 }
      overfill(sender, path)
      sender:close()
      assert.same({ false, "not enough memory" }, { pcall(loop.run) })
      assert.is_nil(sender:fileno())
      loop.run("nowait")
      helper.closed(peer)
      collectgarbage()
      assert.equal(before, helper.descriptors())
    end)
  end)
end)

describe("a peer with datagrams in a lane", function()
  it("gets them before those that are sent by a connection", function()
    helper.run(function()
      local peer, heard, path = traffic.full_peer()
      local sender = dgram.createSocket("unix_dgram")
      for i = 1, COUNT do sender:send(tostring(i), path) end
      sender:flush()
      sender:connectSync(path)
      for i = COUNT + 1, 2 * COUNT do sender:send(tostring(i)) end
      peer:resume()
      helper.fill(heard, 2 * COUNT)
      assert.same(traffic.numbered(2 * COUNT), heard)
      helper.close(sender, peer)
    end)
  end)

  it("gets what a connection sent, although the sender is connected elsewhere by now",
    function()
      helper.run(function()
        local peer, heard, path = traffic.full_peer()
        local next_peer, next_heard, at = traffic.receiver("unix_dgram")
        local sender = dgram.createSocket("unix_dgram")
        sender:connectSync(path)
        for i = 1, COUNT do sender:send(tostring(i), helper.sent()) end
        sender:flush()
        assert.is_true(sender:getSendQueueCount() > 0)
        sender:disconnect()
        sender:connectSync(at.address)
        sender:send("other", helper.sent())
        helper.fill(next_heard)
        assert.same({ "other" }, next_heard)
        peer:resume()
        helper.fill(heard, COUNT)
        assert.same(traffic.numbered(COUNT), heard)
        helper.close(sender, peer, next_peer)
      end)
    end)
end)

describe("a unix sender without a name", function()
  it("that had to wait once neither keeps the loop alive nor its descriptor", function()
    helper.run(function()
      local before = helper.descriptors()
      local peer, heard, path = traffic.full_peer()
      for _ = 1, SENDERS do
        local sender = dgram.createSocket("unix_dgram")
        sender:connectSync(path)
        for i = 1, 30 do sender:send(tostring(i)) end
        sender:flush()
      end
      peer:resume()
      helper.fill(heard, 30 * SENDERS)
      peer:close() -- and the loop ends: helper.run waits for that
      helper.wait(function()
        collectgarbage()
        return helper.descriptors() <= before
      end)
    end)
  end)
end)
