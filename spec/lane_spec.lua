-- A unix peer that does not read holds up nobody else's datagrams.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"

local COUNT = 200

describe("a unix peer that does not read", function()
  local stuck_path, good_path, stuck, good, sender, stuck_heard, good_heard

  -- Runs a test with a peer that reads, one that does not, and a sender.
  local function scene(options, body)
    helper.run(function()
      local at
      stuck, stuck_heard, stuck_path = traffic.full_peer()
      good, good_heard, at = traffic.receiver("unix_dgram")
      good_path = at.address
      sender = dgram.createSocket(options)
      body()
    end)
  end

  local function close_all() helper.close(sender, stuck, good) end

  it("holds up nobody else, and gets all in order when it reads", function()
    scene("unix_dgram", function()
      for i = 1, COUNT do
        sender:send(tostring(i), stuck_path)
        sender:send(tostring(i), good_path)
      end
      helper.wait(function() return #good_heard == COUNT end)
      assert.same(traffic.numbered(COUNT), good_heard)
      assert.is_true(sender:getSendQueueCount() > 0)
      stuck:resume()
      helper.wait(function() return #stuck_heard == COUNT end)
      assert.same(traffic.numbered(COUNT), stuck_heard)
      helper.wait(function() return sender:getSendQueueCount() == 0 end)
      assert.equal(2 * COUNT, sender:stats().sent)
      close_all()
    end)
  end)

  it("gets a verdict for each of its datagrams when the sender closes", function()
    scene("unix_dgram", function()
      local sent, canceled = 0, 0
      for i = 1, COUNT do
        sender:send(tostring(i), stuck_path, function(err)
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

  it("may use a quarter of maxQueue; then its sends fail, not others'", function()
    scene({ type = "unix_dgram", maxQueue = 40000 }, function()
      local refused = 0
      for _ = 1, COUNT do
        sender:send(("x"):rep(1000), stuck_path, function(err)
          if err and err.code == "ENOBUFS" then refused = refused + 1 end
        end)
        sender:flush()
      end
      sender:send("1", good_path)
      helper.wait(function() return #good_heard == 1 and refused > 0 end)
      assert.is_true(sender:getSendQueueSize() <= 10000)
      close_all()
    end)
  end)

  -- Options of a sender that is told false after a few datagrams.
  local function low() return { type = "unix_dgram", highWaterMark = 100 } end

  it("stops a sender that waits for 'drain' only until it is known to be stuck", function()
    scene(low(), function()
      local next, falses, drains = 1, 0, 0
      local function go_on()
        while next <= COUNT do
          local number = tostring(next)
          local stuck_below = sender:send(number, stuck_path)
          local good_below = sender:send(number, good_path)
          next = next + 1
          if not (stuck_below and good_below) then
            falses = falses + 1
            return
          end
        end
      end
      sender:on("drain", function()
        drains = drains + 1
        go_on()
      end)
      go_on()
      helper.wait(function() return #good_heard == COUNT and drains == falses end)
      assert.same(traffic.numbered(COUNT), good_heard)
      assert.is_true(drains > 0)
      assert.is_true(sender:getSendQueueSize() > 100)
      assert.is_true(sender:sendMany({}, stuck_path))
      stuck:resume()
      helper.wait(function() return #stuck_heard == COUNT end)
      assert.same(traffic.numbered(COUNT), stuck_heard)
      close_all()
    end)
  end)

  it("counts again once it reads, and each false has its 'drain'", function()
    scene(low(), function()
      local drains = 0
      sender:on("drain", function() drains = drains + 1 end)
      for i = 1, COUNT do sender:send(tostring(i), stuck_path) end
      sender:flush():send("1", good_path)
      helper.wait(function() return drains == 1 end)
      assert.is_true(sender:send(tostring(COUNT + 1), stuck_path))
      stuck:on("message", function() stuck:pause() end)
      stuck:resume()
      local before = sender:stats().sent
      helper.wait(function() return sender:stats().sent > before end)
      assert.is_false(sender:sendMany({}, stuck_path))
      assert.equal(1, drains)
      stuck:removeAllListeners("message"):resume()
      helper.wait(function() return drains == 2 end)
      assert.equal(0, sender:getSendQueueCount())
      close_all()
    end)
  end)

  it("is waited for as long as it takes by a sender that has no other", function()
    scene(low(), function()
      local drains = 0
      sender:on("drain", function() drains = drains + 1 end)
      for i = 1, COUNT do sender:send(tostring(i), stuck_path) end
      helper.pass(1300) -- it is known to be stuck after a second
      assert.equal(0, drains)
      stuck:resume()
      helper.wait(function() return drains == 1 end)
      assert.equal(0, sender:getSendQueueCount())
      close_all()
    end)
  end)

  it("costs no memory for many datagrams that are refused: they are told at once", function()
    scene({ type = "unix_dgram", maxQueue = 40000 }, function()
      local batch, told, errs = {}, 0, {}
      for i = 1, COUNT do batch[i] = ("x"):rep(1000) end
      local function send_all(callback) sender:sendMany(batch, stuck_path, callback) end
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

  it("waits in a lane of its own, of which a sender has 16", function()
    helper.run(function()
      local PEERS = 20
      sender = dgram.createSocket("unix_dgram")
      local peers, refused, verdicts = {}, {}, 0
      for i = 1, PEERS do
        local peer, _, path = traffic.full_peer()
        peers[i] = peer
        for _ = 1, COUNT do
          sender:send("1", path, function(err)
            verdicts = verdicts + 1
            if not err then return end
            assert.equal("ENOBUFS", err.code)
            refused[i] = (refused[i] or 0) + 1
          end)
        end
        sender:flush()
      end
      local good_one, heard, at = traffic.receiver("unix_dgram")
      sender:send("1", at.address)
      helper.fill(heard)
      for i = 1, PEERS do assert.equal(i > 16, refused[i] ~= nil) end
      for _, peer in ipairs(peers) do peer:resume() end
      helper.wait(function() return verdicts == PEERS * COUNT end)
      for i = 1, PEERS do
        local count = COUNT - (refused[i] or 0)
        helper.wait(function() return peers[i]:stats().received == count end)
        peers[i]:close()
      end
      helper.close(sender, good_one)
    end)
  end)
end)
