-- What differs between platforms: widths of numbers. `make test-i386` runs this
-- where it matters.
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"

local LUA = jit and "luajit" or "lua" .. _VERSION:match("%d%.%d")
local library = helper.path() .. ".so"

describe("numbers that need more than 31 bits", function()
  local built

  setup(function()
    built = host.succeeds(("cc -shared -fPIC -o %s spec/platform/aged.c %s"):format(
      library, "$(pkg-config --cflags " .. LUA .. ")"))
  end)

  teardown(function() os.remove(library) end)

  -- A function of spec/platform/aged.c.
  local function load(name)
    if not built then pending("no C compiler (cc), or no headers of " .. LUA) end
    return assert(package.loadlib(library, name))
  end

  -- Gives a socket's loop, and its counters, a long past: no public function can.
  local function age(socket, turns)
    load "age"(inside.core(socket), turns)
  end

  for _, bits in ipairs { 31, 32 } do
    it(("the list of sockets that want a turn goes on, of 2^%d"):format(bits), function()
      local sender, receiver = traffic.sender, traffic.receiver
      helper.run(function()
        local server, heard, to = receiver()
        local clients = {}
        for i = 1, 6 do clients[i] = sender() end
        server:pause() -- a readiness would serve the list, too
        age(server, 2 ^ bits - 3)
        local told = 0
        local function count() told = told + 1 end
        for i, client in ipairs(clients) do
          client:send(tostring(i), to.port, to.address, count)
          client:send(tostring(i), to.port, to.address, count)
        end
        helper.wait(function() return told == 12 end)
        server:resume()
        helper.fill(heard, 12)
        helper.close(server, table.unpack(clients))
      end)
    end)
  end

  it("the places of that list stay below, where a table has an array", function()
    local place = load "place"
    for _, bits in ipairs { 30, 31, 32 } do
      for turns = 2 ^ bits - 2, math.min(2 ^ bits + 2, 2 ^ 32 - 1) do
        assert.is_true(place(turns) >= 1 and place(turns) <= 2 ^ 30, turns)
      end
    end
  end)

  it("counters go on", function()
    helper.run(function()
      local server, _, to = traffic.receiver()
      age(server, 0)
      server:send("12345", to.port, to.address, helper.sent(5))
      helper.wait(function() return server:stats().received == 1 end)
      helper.has({ sentBytes = 2147483652, receivedBytes = 2147483652 }, server:stats())
      server:close()
    end)
  end)

  it("inodes of files are read whole", function()
    assert.equal(64, load "inode_bits"())
  end)
end)
