-- What differs between platforms: widths of numbers. `make test-i386` and
-- `make test-musl` run this where it matters.
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
  local function age(socket)
    load "age"(inside.core(socket))
  end

  it("the list of sockets that want a turn goes on", function()
    local sender, receiver = traffic.sender, traffic.receiver
    helper.run(function()
      local server, heard, to = receiver()
      local clients = {}
      for i = 1, 6 do clients[i] = sender() end
      age(server)
      for i, client in ipairs(clients) do
        client:send(tostring(i), to.port, to.address, helper.sent(1))
        client:send(tostring(i), to.port, to.address, helper.sent(1))
      end
      helper.fill(heard, 12)
      helper.close(server, table.unpack(clients))
    end)
  end)

  it("counters go on", function()
    helper.run(function()
      local server, _, to = traffic.receiver()
      age(server)
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
