-- What a remote host, another user of the machine, or a finalizer may try, and what
-- must not come of it.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"
local uv = require "luv"

describe("a flood that is answered behind a block list", function()
  -- Sends to eight ports until it is ended.
  local FLOOD = [[
    local socket, batch = dgram.createSocket("udp4"), {}
    for i = 1, 64 do batch[i] = "x" end
    socket:bindSync { address = "127.0.0.1" }
    local idle = uv.new_idle()
    idle:start(function()
      for _, port in ipairs { %s } do socket:sendMany(batch, port, "127.0.0.1") end
    end)
    uv.run()]]

  it("neither takes memory nor keeps another socket from its events", function()
    if helper.sanitized then pending("a sanitizer keeps memory") end
    helper.run(function()
      local sockets, ports, list = {}, {}, dgram.BlockList()
      list:addSubnet("127.0.0.0", 8)
      for i = 1, 8 do
        local socket = dgram.createSocket { type = "udp4", sendBlockList = list }
        sockets[i], ports[i] = socket, socket:bindSync({ address = "127.0.0.1" }).port
        socket:on("message", function(msg, rinfo)
          socket:send(msg, rinfo.port, rinfo.address)
        end)
      end
      local flood = Child.start(uv.exepath(), Child.script(FLOOD:format(table.concat(ports, ","))))
      local function received(count)
        helper.wait(function()
          local sum = 0
          for _, socket in ipairs(sockets) do sum = sum + socket:stats().received end
          return sum > count
        end, 60)
      end
      received(20000)
      collectgarbage()
      local before, listening = uv.resident_set_memory(), false
      received(300000)
      local other, clock = dgram.createSocket("udp4"), os.clock()
      other:bind(0, "127.0.0.1", function() listening = true end)
      helper.wait(function() return listening end, 30)
      assert.is_true(os.clock() - clock < 1, "it took over a second of the processor's time")
      local grown = (uv.resident_set_memory() - before) / 1024 / 1024
      assert.is_true(grown < 40, grown .. " MiB more")
      assert.is_true(sockets[1]:stats().sendErrors > 0)
      flood:stop()
      other:close()
      for _, socket in ipairs(sockets) do socket:close() end
    end, 60)
  end)
end)

describe("a directory that somebody else has locked", function()
  it("does not keep a bind from replacing a stale path in it", function()
    if not host.has "flock" then pending("flock is not installed") end
    helper.run(function()
      local directory = helper.path()
      assert(uv.fs_mkdir(directory, 448)) -- 0700
      local path, listening = directory .. "/socket", false
      traffic.leave_stale(path)
      local lock = Child.start("sh", "-c", [[
        exec 9<"$0"
        flock 9 && echo locked && exec sleep 60]], directory)
      assert.equal("locked", lock:line())
      local socket = dgram.createSocket("unix_dgram")
      socket:bind(path, function() listening = true end)
      helper.wait(function() return listening end)
      assert.equal(143, lock:stop(), "the bind waited for the lock")
      helper.closed(socket)
      uv.fs_rmdir(directory)
    end)
  end)
end)

describe("the descriptor of a live socket", function()
  -- What has it: a socket that is not bound, or is on another loop.
  local owners = {
    ["that is open and not bound"] = function()
      local socket = dgram.createSocket("udp4")
      socket:setTTL(5)
      return socket
    end,
    ["on another loop"] = function()
      local loop = inside.poll_loop.new()
      local socket = dgram.createSocket { type = "udp4", loop = loop }
      socket:bindSync { address = "127.0.0.1" }
      return socket, function() loop.run() end
    end,
  }
  for what, make in pairs(owners) do
    it(what .. " is adopted by no other", function()
      helper.run(function()
        local owner, finish = make()
        local other = dgram.createSocket("udp4")
        helper.has({ code = "EEXIST", syscall = "open" },
          helper.raised(other.bind, other, { fd = owner:fileno() }))
        helper.close(owner, other)
        if finish then finish() end
      end)
    end)
  end

  it("that is detached does nothing to what stands in for it", function()
    -- The core alone: close() detaches, and nobody can call it then. The mode is
    -- what /dev/null has: a core that fails here does no harm to the machine.
    local raw = inside.raw("unix_dgram")
    raw:detach()
    assert.is_false(pcall(raw.bindPath, raw, helper.path(), 438))
    raw:close()
  end)
end)

describe("an address with a zero byte", function()
  it("is none, although what stands before it was used", function()
    helper.run(function()
      local socket, port = traffic.sender()
      local told = 0
      for i = 0, 3 do -- where it is remembered depends on the port
        local to = port - i
        socket:send("x", to, "127.0.0.1")
        socket:send("x", to, "127.0.0.1\0\0", helper.expect(function(err)
          assert.equal("ENOTFOUND", err and err.code)
          told = told + 1
          if told == 4 then socket:close() end
        end))
      end
    end)
  end)
end)

describe("a finalizer that runs the loop", function()
  it("while a datagram is made does not bring the next one first", function()
    helper.run(function()
      local loop, COUNT = inside.poll_loop.new(), 100
      local server = dgram.createSocket { type = "udp4", loop = loop, gro = false }
      local client, heard, ran = dgram.createSocket { type = "udp4", loop = loop }, {}, 0
      local port = server:bindSync({ address = "127.0.0.1" }).port
      local function arm()
        local function run()
          ran = ran + 1
          loop.run("nowait")
        end
        if newproxy then getmetatable(newproxy(true)).__gc = run -- luacheck: ignore
        else setmetatable({}, { __gc = run }) end
        collectgarbage("restart") -- the next allocation is a step of the collector
      end
      server:on("message", function(msg)
        heard[#heard + 1] = msg
        local last = #heard == COUNT -- arm may bring the next one already
        arm()
        if last then helper.close(client, server) end
      end)
      client:bindSync { address = "127.0.0.1" }
      local sent = {}
      for i = 1, COUNT do
        sent[i] = ("%03d"):format(i):rep(100)
        client:send(sent[i], port, "127.0.0.1")
      end
      traffic.hurry(true)
      if _VERSION < "Lua 5.4" then collectgarbage("setstepmul", 1000000) end
      local late = loop.timer(function() loop.stop() end)
      late:start(5000 * helper.PATIENCE)
      server:on("close", function() late:stop() end)
      loop.run()
      traffic.hurry(false)
      if _VERSION < "Lua 5.4" then collectgarbage("setstepmul", 200) end
      assert.equal(COUNT, #heard)
      for i, msg in ipairs(heard) do assert.equal(sent[i], msg) end
      assert.is_true(ran > 0, "no finalizer ran")
    end)
  end)

  it("or makes sockets when the Lua state ends does no harm", function()
    local child = Child.lua("-e", [[
      local dgram = require "dgram"
      local function make()
        pcall(dgram.createSocket, "udp4")
        pcall(dgram.BlockList)
      end
      local kept = dgram.createSocket "udp4"
      kept:bindSync { address = "127.0.0.1" }
      for _ = 1, 10 do
        if newproxy then getmetatable(newproxy(true)).__gc = make
        else setmetatable({}, { __gc = make }) end
      end
      kept:close()
      require "luv".run()
      print "done"]])
    assert.equal("done", child:line())
    assert.equal(0, child:wait())
  end)

  it("after the library's own, when the Lua state ends, can make nothing", function()
    helper.need_luv(pending) -- another loop makes its objects before this script
    local child = Child.lua("-e", [[
      local dgram
      local function make()
        for _, of in ipairs { dgram.createSocket, dgram.BlockList } do
          print(select(2, pcall(of, "udp4")))
        end
      end
      if newproxy then NOT_YET = newproxy(true) getmetatable(NOT_YET).__gc = make
      else NOT_YET = setmetatable({}, { __gc = make }) end
      dgram = require "dgram"
      dgram.createSocket "udp4":close()
      require "luv".run()]])
    for _ = 1, 2 do child:line("the Lua state is closing$") end
    assert.equal(0, child:wait())
  end)
end)

describe("a finalizer", function()
  local plant = traffic.plant

  it("that pauses the socket whose datagram is made loses none", function()
    local loop, COUNT, heard, over = inside.poll_loop.new(), 300, 0, false
    local server = dgram.createSocket { type = "unix_dgram", loop = loop }
    local client = dgram.createSocket { type = "unix_dgram", loop = loop }
    local path, paused = server:bindSync().address, 0
    server:on("message", function(msg)
      heard = heard + 1
      assert.equal(heard, tonumber(msg))
      plant(function()
        if over then return end
        paused = paused + 1
        server:pause()
      end)
    end)
    for i = 1, COUNT do client:send(tostring(i), path) end
    traffic.hurry(true)
    for _ = 1, 20 * COUNT do
      loop.run("nowait")
      server:resume()
    end
    traffic.hurry(false)
    over = true
    assert.equal(COUNT, heard)
    assert.equal(COUNT, server:stats().received)
    assert.is_true(paused > 10, "no finalizer ran")
    helper.close(client, server)
    loop.run()
  end)

  it("that runs the loop while a completion is told does not bring 'close' first", function()
    local loop, late, over = inside.poll_loop.new(), 0, false
    local function finalizer() if not over then loop.run("nowait") end end
    traffic.hurry(true)
    for _ = 1, 100 do
      local peer = dgram.createSocket { type = "unix_dgram", loop = loop }
      local socket = dgram.createSocket { type = "unix_dgram", loop = loop, linger = 0 }
      local path, closed = peer:bindSync().address, false
      peer:pause()
      socket:on("close", function() closed = true end)
      for i = 1, 14 do
        socket:send(("x"):rep(20 + i), path, function()
          if closed then late = late + 1 end
          plant(finalizer)
          plant(finalizer)
        end)
      end
      socket:close()
      while not closed do loop.run("nowait") end
      peer:close()
    end
    traffic.hurry(false)
    over = true
    loop.run()
    assert.equal(0, late)
  end)
end)
