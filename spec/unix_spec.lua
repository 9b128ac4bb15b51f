-- unix_dgram: paths and abstract names, what happens to the file, and peers
-- whose queue is full.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local full_peer, leave_stale = traffic.full_peer, traffic.leave_stale

-- The type of a file ("socket", "file", "link" …), nil when there is none.
local function kind_of(path)
  local info = uv.fs_lstat(path)
  return info and info.type
end

-- A path of exactly `size` bytes in a directory of its own.
local function path_of(size)
  local dir = helper.path()
  assert(uv.fs_mkdir(dir, tonumber("700", 8)))
  return dir .. "/" .. ("p"):rep(size - #dir - 1)
end

-- Binds and expects EADDRINUSE.
local function cannot_bind(path)
  local socket = dgram.createSocket("unix_dgram")
  socket:on("listening", helper.expect(0))
  local failed = false
  socket:on("error", helper.expect(function(err)
    helper.has({ code = "EADDRINUSE", syscall = "bind", address = path, name = "Error",
      message = "bind EADDRINUSE " .. path }, err)
    failed = true
  end))
  socket:bind(path)
  helper.wait(function() return failed end)
  return socket
end

describe("unix_dgram:bind", function()
  it("makes the file, and close removes it", function()
    helper.run(function()
      local path = helper.path()
      local socket = helper.bound("unix_dgram", path)
      assert.equal("socket", kind_of(path))
      assert.same({ address = path }, socket:address())
      socket:close(helper.expect(function() assert.is_nil(kind_of(path)) end))
    end)
  end)

  for name, bind in pairs {
    ["bind(path, callback)"] = function(s, path, cb) s:bind(path, cb) end,
    ["bind{path=}"] = function(s, path, cb) s:bind({ path = path }, cb) end,
    ["bind{address=}"] = function(s, path, cb) s:bind({ address = path }, cb) end,
    ["bindSync{path=}"] = function(s, path, cb)
      s:on("listening", cb)
      assert.same({ address = path }, s:bindSync { path = path })
    end,
  } do
    it("is possible as " .. name, function()
      helper.run(function()
        local path, socket = helper.path(), dgram.createSocket("unix_dgram")
        bind(socket, path, helper.expect(function()
          assert.same({ address = path }, socket:address())
          socket:close()
        end))
      end)
    end)
  end

  it("replaces a socket nobody listens on", function()
    helper.run(function()
      local path = helper.path()
      leave_stale(path)
      assert.equal("socket", kind_of(path))
      local socket, inbox = helper.bound("unix_dgram", path)
      socket:send("x", path)
      helper.fill(inbox)
      socket:close(helper.expect(function() assert.is_nil(kind_of(path)) end))
    end)
  end)

  it("leaves a live socket alone", function()
    helper.run(function()
      local path = helper.path()
      local live, inbox = helper.bound("unix_dgram", path)
      local socket = cannot_bind(path)
      socket:close()
      uv.run("nowait")
      assert.equal("socket", kind_of(path))
      local sender = dgram.createSocket("unix_dgram")
      sender:send("still here", path)
      assert.same({ "still here" }, helper.messages(helper.fill(inbox)))
      helper.close(sender, live)
    end)
  end)

  it("leaves a live stream socket alone", function()
    helper.run(function()
      local path, pipe = helper.path(), uv.new_pipe(false)
      assert(pipe:bind(path))
      pipe:listen(1, function() end)
      cannot_bind(path):close()
      assert.equal("socket", kind_of(path))
      pipe:close()
    end)
  end)

  for name, make in pairs {
    ["a file"] = function(path) helper.write("", path) return "file" end,
    ["a directory"] = function(path)
      assert(uv.fs_mkdir(path, tonumber("700", 8)))
      return "directory"
    end,
    ["a link to nothing"] = function(path)
      assert(uv.fs_symlink(path .. ".nothing", path))
      return "link"
    end,
    ["a link to a stale socket"] = function(path)
      local stale = helper.path()
      leave_stale(stale)
      assert(uv.fs_symlink(stale, path))
      return "link"
    end,
  } do
    it("leaves " .. name .. " alone", function()
      helper.run(function()
        local path = helper.path()
        local kind = make(path)
        cannot_bind(path):close()
        assert.equal(kind, kind_of(path))
      end)
    end)
  end

  it("can be repeated after it failed", function()
    helper.run(function()
      local path = helper.path()
      local live = helper.bound("unix_dgram", path)
      local socket, other = cannot_bind(path), helper.path()
      socket:removeAllListeners("listening")
      socket:bind(other, helper.expect(function()
        assert.equal(other, socket:address().address)
        helper.close(socket, live)
      end))
    end)
  end)

  it("does not remove a file that took its path meanwhile", function()
    helper.run(function()
      local path = helper.path()
      local socket = helper.bound("unix_dgram", path)
      assert(os.remove(path))
      helper.write("", path)
      socket:close(helper.expect(function() assert.equal("file", kind_of(path)) end))
    end)
  end)

  it("does not remove the socket that replaced it", function()
    helper.run(function()
      local path = helper.path()
      local first = helper.bound("unix_dgram", path)
      assert(os.remove(path))
      local second, inbox = helper.bound("unix_dgram", path)
      first:close(helper.expect(function()
        assert.equal("socket", kind_of(path))
        first = dgram.createSocket("unix_dgram")
        first:send("x", path)
      end))
      helper.fill(inbox)
      helper.close(first, second)
    end)
  end)

  it("reports a directory that is not there", function()
    helper.run(function()
      local path, socket = helper.path() .. "/no/socket", dgram.createSocket("unix_dgram")
      socket:on("error", helper.expect(function(err)
        helper.has({ code = "ENOENT", message = "bind ENOENT " .. path,
          address = path }, err)
        socket:close()
      end))
      socket:bind(path)
    end)
  end)

  it("refuses a path with a zero byte inside", function()
    helper.run(function()
      local path, socket = helper.path(), dgram.createSocket("unix_dgram")
      socket:on("error", helper.expect(function(err)
        assert.equal("EINVAL", err.code)
        assert.is_nil(kind_of(path))
        socket:close()
      end))
      socket:bind(path .. "\0more")
    end)
  end)

  for _, size in ipairs { 107, 108 } do
    it(("takes a path of %d bytes"):format(size), function()
      helper.run(function()
        local path = path_of(size)
        leave_stale(path)
        local server, inbox = helper.bound("unix_dgram", path)
        assert.same({ address = path }, server:address())
        server:send("to myself", path, helper.sent())
        assert.equal(path, helper.fill(inbox)[1].from.address)
        server:close(helper.expect(function() assert.is_nil(kind_of(path)) end))
      end)
    end)
  end

  it("refuses a path of 109 bytes, as send and connect do", function()
    helper.run(function()
      local path = path_of(109)
      local socket = dgram.createSocket("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      socket:on("error", helper.expect(function(err)
        helper.has({ code = "ENAMETOOLONG", message = "bind ENAMETOOLONG " .. path }, err)
        socket:close()
      end))
      socket:bind(path)
      client:send("x", path, helper.expect(function(err, bytes)
        helper.has({ code = "ENAMETOOLONG", message = "send ENAMETOOLONG " .. path }, err)
        assert.equal(1, bytes)
        client:connect(path, helper.expect(function(failure)
          helper.has({ code = "ENAMETOOLONG", syscall = "connect" }, failure)
          client:close()
        end))
      end))
    end)
  end)
end)

describe("unix_dgram names", function()
  for name, suffix in pairs {
    ["plain"] = "plain", ["with zeros inside"] = "\0in\0\0side",
    ["with zeros at the end"] = "end\0\0", ["with every byte"] = "\1\10\255\128",
    ["as long as can be"] = ("l"):rep(80),
  } do
    it("that are abstract go byte by byte in both directions: " .. name, function()
      helper.run(function()
        local head = "\0" .. helper.path()
        local name_a = (head .. "a" .. suffix):sub(1, 108)
        local name_b = (head .. "b" .. suffix):sub(1, 108)
        local a, of_a = helper.bound("unix_dgram", name_a)
        local b, of_b = helper.bound("unix_dgram", name_b)
        assert.same({ address = name_a }, a:address())
        a:send("question", name_b, helper.sent())
        local from = helper.fill(of_b)[1].from
        assert.same({ address = name_a, family = "unix", size = 8 }, from)
        b:send("answer", 0, 6, from.address)
        assert.same({ address = name_b, family = "unix", size = 6 },
          helper.fill(of_a)[1].from)
        helper.close(a, b)
      end)
    end)
  end

  it("that are abstract differ in their zeros", function()
    helper.run(function()
      local name = "\0" .. helper.path()
      local a, of_a = helper.bound("unix_dgram", name)
      local b, of_b = helper.bound("unix_dgram", name .. "\0")
      a:send("to b", name .. "\0")
      b:send("to a", name)
      assert.same({ "to a" }, helper.messages(helper.fill(of_a)))
      assert.same({ "to b" }, helper.messages(helper.fill(of_b)))
      helper.close(a, b)
    end)
  end)

  it("that are abstract of 108 bytes work, of 109 do not", function()
    helper.run(function()
      local name = "\0" .. helper.path()
      name = name .. ("x"):rep(108 - #name)
      local socket, inbox = helper.bound("unix_dgram", name)
      assert.equal(name, socket:address().address)
      socket:send("x", name)
      assert.equal(name, helper.fill(inbox)[1].from.address)
      socket:send("x", name .. "y", helper.expect(function(err)
        assert.equal("ENAMETOOLONG", err.code)
        socket:close()
      end))
    end)
  end)

  it("that are abstract and taken give EADDRINUSE", function()
    helper.run(function()
      local name = "\0" .. helper.path()
      local first = helper.bound("unix_dgram", name)
      cannot_bind(name):close()
      first:close()
    end)
  end)

  it("that are abstract have no mode", function()
    helper.run(function()
      for _, path in ipairs { "\0" .. helper.path(), "" } do
        local socket = dgram.createSocket { type = "unix_dgram", mode = 384 }
        helper.has({ code = "ENOTSUP", syscall = "bind" },
          helper.raised(socket.bindSync, socket, { path = path }))
        local named = helper.path()
        assert.equal(named, socket:bindSync({ path = named }).address)
        socket:close()
      end
    end)
  end)

  it("are chosen by the system without a path", function()
    helper.run(function()
      local socket = dgram.createSocket("unix_dgram")
      local inbox = helper.listen(socket)
      socket:bind(helper.expect(function()
        local name = socket:address().address
        assert.truthy(name:match("^%z%x%x%x%x%x$"))
        socket:send("x", name)
      end))
      helper.fill(inbox)
      socket:close()
    end)
  end)

  it("of unbound senders are empty", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      client:on("listening", helper.expect(0))
      client:send("x", server:address().address, helper.expect(function()
        client:close()
      end))
      assert.same({ address = "", family = "unix", size = 1 },
        helper.fill(inbox)[1].from)
      server:close()
    end)
  end)

  it("of unbound senders are empty, although a bound one sent before", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local path = server:address().address
      local bound, unbound = helper.bound("unix_dgram"), dgram.createSocket("unix_dgram")
      for _ = 1, 2 do
        bound:send("bound", path)
        unbound:send("unbound", path)
      end
      helper.fill(inbox, 4)
      for _, each in ipairs(inbox) do
        local is = each.msg == "bound" and bound:address().address or ""
        assert.equal(is, each.from.address)
      end
      helper.close(bound, unbound, server)
    end)
  end)
end)

describe("the send buffer of a unix socket", function()
  it("is 512 KiB, or the most that the system allows", function()
    local file = io.open "/proc/sys/net/core/wmem_max"
    if not file then pending("no /proc tells the most") end
    local most = 2 * tonumber((file:read("*l")))
    file:close()
    local socket = dgram.createSocket("unix_dgram")
    assert.equal(math.min(524288, most), socket:getSendBufferSize())
    socket:close()
    uv.run()
  end)
end)

describe("unix_dgram:send", function()
  local PATH, CALLBACK = {}, {}
  for name, form in pairs {
    ["msg, path"] = { "hello", PATH },
    ["msg, path, callback"] = { "hello", PATH, CALLBACK },
    ["msg, offset, length, path"] = { "<hello>", 1, 5, PATH },
    ["msg, offset, length, path, callback"] = { "<hello>", 1, 5, PATH, CALLBACK },
    ["an array"] = { { "he", "llo" }, PATH, CALLBACK },
  } do
    it("takes " .. name, function()
      helper.run(function()
        local server, inbox = helper.bound("unix_dgram")
        local client, args = dgram.createSocket("unix_dgram"), {}
        for i, value in ipairs(form) do
          if value == PATH then value = server:address().address end
          if value == CALLBACK then
            value = helper.sent(5)
          end
          args[i] = value
        end
        assert.is_true(client:send(table.unpack(args)))
        assert.same({ "hello" }, helper.messages(helper.fill(inbox)))
        helper.close(client, server)
      end)
    end)
  end

  it("sends the legacy form with sendto", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local client = dgram.createSocket("unix_dgram")
      client:sendto("<hello>", 1, 5, server:address().address, helper.sent(5))
      assert.same({ "hello" }, helper.messages(helper.fill(inbox)))
      helper.close(client, server)
    end)
  end)

  it("carries empty and large datagrams whole", function()
    helper.run(function()
      local server, inbox = helper.bound("unix_dgram")
      local client, path = dgram.createSocket("unix_dgram"), server:address().address
      local large = ("0123456789abcdef"):rep(9000)
      client:send("", path, helper.sent())
      client:send(large, path, helper.sent(#large))
      helper.fill(inbox, 2)
      assert.equal("", inbox[1].msg)
      assert.is_true(large == inbox[2].msg)
      helper.close(client, server)
    end)
  end)

  it("refuses what is larger than the send buffer", function()
    helper.run(function()
      local server = helper.bound("unix_dgram")
      local client, path = dgram.createSocket("unix_dgram"), server:address().address
      client:send(("x"):rep(client:getSendBufferSize() + 1), path,
        helper.expect(function(err)
          assert.equal("send EMSGSIZE " .. path, err.message)
          helper.close(client, server)
        end))
    end)
  end)

  it("tells that nobody is there", function()
    helper.run(function()
      local client, nowhere, file = dgram.createSocket("unix_dgram"), helper.path(),
        helper.write("")
      client:send("x", nowhere, helper.expect(function(err, bytes)
        helper.has({ code = "ENOENT", syscall = "send", address = nowhere,
          message = "send ENOENT " .. nowhere }, err)
        assert.is_nil(err.port)
        assert.equal(1, bytes)
      end))
      client:send("x", file, helper.expect(function(err)
        assert.equal("ECONNREFUSED", err.code)
        client:close()
      end))
    end)
  end)
end)

describe("unix_dgram with a full peer", function()
  -- How a client is made to send to the path: unconnected, and connected.
  local senders = {
    ["an unconnected socket"] = function(path)
      local client = dgram.createSocket("unix_dgram")
      return client, function(msg, callback) return client:send(msg, path, callback) end
    end,
    ["a connected socket"] = function(path)
      local client = dgram.createSocket("unix_dgram")
      client:connectSync(path)
      return client, function(msg, callback) return client:send(msg, callback) end
    end,
  }

  for name, start in pairs(senders) do
    it(name .. " loses nothing and keeps the order", function()
      helper.run(function()
        local server, inbox = helper.bound("unix_dgram")
        local client, send = start(server:address().address)
        local sent, called = {}, {}
        for i = 1, 300 do
          sent[i] = tostring(i)
          send(sent[i], function(err, bytes)
            assert.is_nil(err)
            assert.equal(#sent[i], bytes)
            called[#called + 1] = sent[i]
          end)
        end
        helper.fill(inbox, 300)
        helper.fill(called, 300)
        assert.same(sent, helper.messages(inbox))
        assert.same(sent, called)
        helper.close(client, server)
      end)
    end)

    it(name .. " waits without spinning", function()
      helper.run(function()
        local server, heard, path = full_peer()
        local client, send = start(path)
        for i = 1, 50 do send(tostring(i)) end
        traffic.assert_rests "while the peer does not read"
        assert.is_true(client:getSendQueueCount() > 0)
        server:resume()
        traffic.finish(traffic.numbered(50), heard, client, server)
      end)
    end)

    it(name .. " tells every callback when the peer closes", function()
      helper.run(function()
        local server, _, path = full_peer()
        local client, send = start(path)
        for _ = 1, 50 do send("x", helper.expect()) end
        uv.run("nowait")
        server:close()
        helper.wait(function() return client:getSendQueueCount() == 0 end)
        client:close()
      end)
    end)

    it(name .. " ends with ECANCELED what close cannot send", function()
      helper.run(function()
        local server, _, path = full_peer()
        local results, client, send = {}, start(path)
        for i = 1, 50 do
          send("x", function(err, bytes)
            assert.equal(1, bytes)
            results[i] = err and err.code or "sent"
          end)
        end
        client:close(helper.expect(function()
          assert.equal(50, #results)
          assert.equal("sent", results[1])
          assert.equal("ECANCELED", results[50])
          server:close()
        end))
      end)
    end)

    it(name .. " keeps the loop alive although nobody refers to it", function()
      helper.run(function()
        local server, inbox = helper.bound("unix_dgram")
        server:unref()
        local client, send = start(server:address().address)
        client:unref()
        local called = 0
        for _ = 1, 50 do send("x", function() called = called + 1 end) end
        helper.fill(inbox, 50)
        helper.wait(function() return called == 50 end)
        helper.close(client, server)
      end)
    end)
  end

  it("holds up nobody else", function()
    helper.run(function()
      local full, _, path = full_peer()
      local free, inbox = helper.bound("unix_dgram")
      local to_full, to_free = dgram.createSocket("unix_dgram"),
        dgram.createSocket("unix_dgram")
      for _ = 1, 50 do to_full:send("x", path) end
      for i = 1, 50 do to_free:send(tostring(i), free:address().address) end
      helper.fill(inbox, 50)
      assert.is_true(to_full:getSendQueueCount() > 0)
      helper.close(to_full, to_free, full, free)
    end)
  end)
end)

describe("unix_dgram:sendMany to a full peer", function()
  it("that is refused in part calls back once, and nobody else", function()
    helper.run(function()
      local peer, _, path = full_peer()
      local client = dgram.createSocket { type = "unix_dgram", maxQueue = 3000 }
      local many, called = {}, { many = 0, other = 0 }
      for i = 1, 100 do many[i] = ("m"):rep(100) end
      for _ = 1, 11 do client:send("x", path) end
      client:sendMany(many, path, function(err)
        called.many = called.many + 1
        assert.truthy(err.code) -- ENOBUFS, or what came of a peer that is gone
      end)
      for _ = 1, 5 do uv.run("nowait") end
      client:send("y", path, function() called.other = called.other + 1 end)
      peer:close()
      client:close(helper.expect(function()
        assert.same({ many = 1, other = 1 }, called)
      end))
    end)
  end)
end)
