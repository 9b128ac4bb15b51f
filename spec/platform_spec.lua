-- What differs between platforms: widths of numbers, where `make test-i386` runs this;
-- what macOS and the BSDs want, of calls that answer by their rules.
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local inside = require "spec.support.inside"
local traffic = require "spec.support.traffic"

local LUA = jit and "luajit" or "lua" .. _VERSION:match("%d%.%d")

local libraries = {}

-- Builds a C file of spec/platform; returns what gives a function of it.
local function build(name, flags)
  local library, headers = helper.path() .. ".so", "$(pkg-config --cflags " .. LUA .. ")"
  libraries[#libraries + 1] = library
  local can = host.succeeds("cc -fsyntax-only -include lua.h -x c /dev/null " .. headers)
  local text, built = host.output(("cc -shared -fPIC %s -o %s spec/platform/%s %s"):format(
    flags, library, name, headers))
  return function(fn)
    if not can then pending("no C compiler (cc), or no headers of " .. LUA) end
    assert(built, text)
    return assert(package.loadlib(library, fn))
  end
end

teardown(function()
  for _, library in ipairs(libraries) do os.remove(library) end
end)

describe("numbers that need more than 31 bits", function()
  local load
  setup(function() load = build("aged.c", "") end)

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

describe("a kernel of the BSDs, or macOS,", function()
  local call
  setup(function()
    local load = build("bsd.c", "-U__linux__ -DDGRAM_PORTABLE=1")
    function call(name, ...) return load(name)(...) end
  end)

  for _, v6 in ipairs { false, true } do
    local name = v6 and "IPv6" or "IPv4"
    it("is told how long the names of a group and its source are, " .. name, function()
      assert.equal(0, call("join", v6, 1))
      assert.equal(0, call("join", v6, 1, true))
    end)

    it("is asked for a group without an interface, " .. name, function()
      assert.equal(0, call("join", v6, 0))
      assert.equal("EADDRNOTAVAIL", call("join", v6, 0, true)) -- needs one
    end)
  end

  it("is given the address that multicast leaves by", function()
    assert.equal(0, call "leave_by")
  end)

  it("has forgotten the peer although it says no", function()
    assert.equal(0, call("disconnect", true))
    assert.equal("EAFNOSUPPORT", call("disconnect", false))
  end)

  it("gives unix senders without a name one of zeros", function()
    assert.equal(0, call "unnamed")
  end)

  it("is asked for no mode of a socket", function()
    assert.equal("ENOTSUP", call "restrict_mode")
  end)

  it("shares a port with reuseAddr, and spreads it only if it knows how", function()
    local address, port = call "options"
    assert.same({ 0, address, port }, { call("share", false) })
    assert.same({ "ENOTSUP" }, { call("share", true) })
    local spread = build("bsd.c", "-U__linux__ -DDGRAM_PORTABLE=1 -DSO_REUSEPORT_LB=65536")
    assert.same({ 0, 65536 }, { spread "share"(true) })
  end)
end)
