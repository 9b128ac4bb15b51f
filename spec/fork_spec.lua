-- After fork() a child cannot use its parent's sockets, and whatever it does
-- with them does not disturb the parent.
local Child = require "spec.support.child"
local helper = require "spec.support.helper"
local host = require "spec.support.host"

local forker = helper.path() .. ".so"

describe("after fork", function()
  local compiles = host.has "cc"

  setup(function()
    if not compiles then return end
    local text, built = host.output("cc -shared -fPIC -o " .. forker
      .. " spec/fork/forker.c")
    assert(built, text)
  end)

  teardown(function() os.remove(forker) end)

  -- Runs a script under spec/fork; returns its lines of output.
  local function run(script, ...)
    if not compiles then pending("no C compiler (cc)") end
    local child, lines = Child.lua("spec/fork/" .. script, forker, ...), {}
    child:wait()
    for line in child.text:gmatch("[^\n]+") do lines[#lines + 1] = line end
    return lines
  end

  -- Checks that the parent hears both datagrams behind the child's lines.
  local function undisturbed(lines, before)
    local tail = { lines[before + 2], lines[before + 3] }
    table.sort(tail)
    assert.are.same({ "parent got\tover the path", "parent got\tover udp" },
      tail)
    assert.are.equal(before + 3, #lines)
  end

  -- Makes a spec pending on the loops whose poller a child shares, and disturbs.
  local function need_own_poller(also)
    local loop = os.getenv "LOOP" or "luv"
    local shared = { cqueues = true, event = true, copas = true, [also or 1] = true }
    if shared[loop] then
      pending("a child shares the poller of " .. loop)
    end
  end

  it("every use is an error that says so, and reaches nobody", function()
    need_own_poller()
    helper.run(function()
      local lines = run("inherit.lua", helper.path(), "use")
      for i, name in ipairs { "send", "send by name", "address", "setTTL",
        "connect", "send to a path", "createSocket" } do
        assert.are.equal(name .. "\tERR_SOCKET_FORKED", lines[i])
      end
      assert.are.equal("close\tnothing raised", lines[8])
      assert.are.equal("send when closed\tERR_SOCKET_FORKED", lines[9])
      assert.are.equal("it is\tdgram.Socket (udp4, closed)", lines[10])
      assert.are.equal("child ended\t0", lines[11])
      undisturbed(lines, 10)
    end)
  end)

  it("a send in the middle of a burst is one, too: what waited goes once", function()
    need_own_poller()
    helper.run(function()
      assert.are.same({ "child's sends\t0\tERR_SOCKET_FORKED", "child ended\t0",
        "parent got\t1", "parent got\t2", "parent got\t3", "parent got\tlast" },
        run("burst.lua"))
    end)
  end)

  it("a child that closes its sockets does not disturb the parent", function()
    helper.run(function()
      local lines = run("inherit.lua", helper.path(), "close")
      assert.are.equal("child ended\t0", lines[1])
      undisturbed(lines, 0)
    end)
  end)

  it("a child that ends does not disturb the parent", function()
    need_own_poller()
    helper.run(function()
      local lines = run("inherit.lua", helper.path(), "end")
      assert.are.equal("child ended\t0", lines[1])
      undisturbed(lines, 0)
    end)
  end)

  it("a child that runs the parent's loop fails", function()
    need_own_poller()
    helper.run(function()
      local lines = run("inherit.lua", helper.path(), "loop")
      assert.is_truthy(lines[1]:find("^child ended\t%d+$"))
      assert.are_not.equal("child ended\t0", lines[1])
      undisturbed(lines, 0)
    end)
  end)

  it("a child whose loop says that the parent's socket is readable is told so", function()
    helper.run(function()
      local lines = run("readable.lua")
      assert.truthy(lines[1]:find("child's loop\tfalse\t.*: %a+ belongs to the process "
        .. "that forked this one$"))
      assert.are.same({ "child ended\t0", "parent got\thello" }, { lines[2], lines[3] })
    end)
  end)

  it("a module that was loaded before works in every process", function()
    need_own_poller("poll")
    helper.run(function()
      assert.are.same({ "child 1 got\thello", "child ended\t0",
        "child 2 got\thello", "child ended\t0", "parent got\thello",
      }, run("prefork.lua", "luv"))
    end)
  end)

  it("a child may use a loop of its own", function()
    helper.run(function()
      assert.are.same({ "before got\thello",
        "child 1 got\thello", "child ended\t0",
        "child 2 got\thello", "child ended\t0", "parent got\thello",
      }, run("prefork.lua", "poll_loop"))
    end)
  end)
end)
