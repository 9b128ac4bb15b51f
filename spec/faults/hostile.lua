-- What a hostile peer may try, and what may be given to the library by mistake.
-- Run by `make test-faults`, which preloads the shim.
local Child = require "spec.support.child"
local core = require "dgram.core"
local dgram = require "dgram"
local faults = require "faults"
local helper = require "spec.support.helper"
local traffic = require "spec.support.traffic"
local uv = require "luv"

local bound, descriptors = traffic.sender, helper.descriptors

describe("a hostile peer", function()
  before_each(faults.clear)

  -- Makes a system of one that cannot refuse who passes descriptors.
  local function let_descriptors_pass()
    faults.at("setsockopt", 1, 99, core.errno "ENOPROTOOPT", faults.PASSRIGHTS)
  end

  -- Whatever else is asked for: there is room for that and no more.
  for _, wanted in ipairs { {}, { "credentials" }, { "timestamp" },
    { "credentials", "timestamp" } } do
    local told = #wanted > 0 and table.concat(wanted, ", ") or "nothing else"
    it("cannot smuggle descriptors in; the server asks for " .. told, function()
      helper.run(function()
        let_descriptors_pass()
        local name = helper.path()
        local server = dgram.createSocket { type = "unix_dgram", recvInfo = wanted }
        local before
        server:on("message", helper.expect(9, function(msg)
          assert.equal("x", msg)
          assert.equal(before, descriptors())
        end))
        server:bind(name, function()
          before = descriptors()
          for _ = 1, 9 do assert(faults.send_descriptor(name, 0)) end
        end)
        helper.wait(function() return server:stats().received == 9 end)
        assert.equal(before, descriptors())
        server:close()
      end)
    end)
  end

  -- Asks for all but descriptors; whoever passes some has them discarded, before
  -- Lua runs.
  it("cannot smuggle descriptors in beside what was asked for", function()
    helper.run(function()
      let_descriptors_pass()
      local name = helper.path()
      local server = dgram.createSocket { type = "unix_dgram",
        recvInfo = { "credentials", "timestamp" } }
      local before
      server:on("message", helper.expect(9, function(_, rinfo)
        assert.is_nil(rinfo.descriptors)
        assert.equal(uv.os_getpid(), rinfo.credentials.pid)
        assert.equal(before, descriptors())
      end))
      server:bindSync { path = name }
      before = descriptors()
      for _ = 1, 9 do assert(faults.send_descriptor(name, 0)) end
      helper.wait(function() return server:stats().received == 9 end)
      server:close()
    end)
  end)

  -- Whoever passed the descriptor that was adopted may have set this.
  it("has no descriptor of its process stay, whatever else is asked for", function()
    for _, wanted in ipairs { {}, { "timestamp" }, { "credentials" }, { "descriptors" } } do
      helper.run(function()
        let_descriptors_pass()
        local name, heard = helper.path(), 0
        local server = dgram.createSocket { type = "unix_dgram", recvInfo = wanted }
        server:on("message", function() heard = heard + 1 end)
        server:bindSync { path = name }
        if not faults.tell_process(server:fileno()) then
          server:close()
          pending("the system knows no SO_PASSPIDFD")
        end
        local before = descriptors()
        for _ = 1, 9 do assert(faults.send_descriptor(name, 0)) end
        helper.wait(function() return heard == 9 end)
        collectgarbage()
        collectgarbage()
        assert.equal(before, descriptors())
        server:close()
      end)
    end
  end)

  it("cannot claim to be another process or user, unless it is root", function()
    helper.run(function()
      local name, inbox = helper.path(), {}
      local server = dgram.createSocket({ type = "unix_dgram", mode = 511,
        recvInfo = { "credentials" } }, function(_, rinfo)
        inbox[#inbox + 1] = rinfo.credentials
      end)
      server:bindSync { path = name }
      local child = Child.code(([[
        local faults, name = require "faults", %q
        print(pcall(function()
          if uv.getuid() == 0 then uv.setgid(65534) uv.setuid(65534) end
        end))
        local pid, uid, gid = uv.os_getpid(), uv.getuid(), uv.getgid()
        for _, who in ipairs { { 1, uid, gid }, { pid, 0, gid }, { pid, uid, 0 } } do
          print(faults.send_credentials(name, who[1], who[2], who[3]))
        end
        print(faults.send_credentials(name, pid, uid, gid))
        print(("%%d %%d %%d"):format(pid, uid, gid))
      ]]):format(name))
      if child:line() ~= "true" then
        child:stop()
        server:close()
        pending("root, and cannot become somebody else")
      end
      for _ = 1, 3 do assert.equal("nil\t1", child:line()) end -- EPERM
      assert.equal("true", child:line())
      local pid, uid, gid = child:line():match("(%d+) (%d+) (%d+)")
      assert.equal(0, child:wait())
      helper.fill(inbox)
      assert.same({ { pid = tonumber(pid), uid = tonumber(uid), gid = tonumber(gid) } },
        inbox)
      assert.are_not.equal(0, inbox[1].uid)
      server:close()
    end)
  end)

  it("with source port 0 does not make send raise unawares", function()
    helper.run(function()
      local server, port = bound()
      local heard
      server:on("message", function(_, rinfo) heard = rinfo end)
      if not faults.send_from_port_zero(port) then
        server:close()
        pending("raw sockets need a privilege")
      end
      helper.wait(function() return heard end)
      assert.equal(0, heard.port)
      local ok, err = pcall(server.send, server, "x", heard.port, heard.address)
      assert.is_false(ok)
      assert.equal("ERR_SOCKET_BAD_PORT", err.code)
      server:close()
    end)
  end)

  it("cannot end a server by refusing its answers", function()
    helper.run(function()
      local server, port = bound()
      server:on("message", function(msg, rinfo)
        server:send(msg, rinfo.port, rinfo.address)
      end)
      for _ = 1, 20 do
        local client = dgram.createSocket("udp4")
        client:send("x", port, "127.0.0.1")
        client:close()
      end
      helper.wait(function() return server:stats().received == 20 end)
      local client = dgram.createSocket("udp4")
      client:on("message", helper.expect(function()
        helper.close(client, server)
      end))
      client:send("still there?", port, "127.0.0.1")
    end)
  end)
end)

describe("a datagram larger than the room for it", function()
  before_each(faults.clear)
  after_each(faults.clear)

  it("is an error and counted, not a shorter message in silence", function()
    helper.run(function()
      local socket, port = bound()
      local codes = {}
      socket:on("error", function(err) codes[#codes + 1] = err.code end)
      socket:on("message", function(msg)
        if msg == "end" then socket:close() end
      end)
      faults.at("receive", 1, 1, faults.ROOM + 10)
      socket:send(("x"):rep(100), port, "127.0.0.1")
      helper.wait(function() return #codes > 0 end)
      assert.same({ "EMSGSIZE" }, codes)
      assert.equal(1, socket:stats().truncated)
      faults.clear()
      socket:send("end", port, "127.0.0.1")
    end)
  end)
end)

describe("descriptors", function()
  -- Tells whether a descriptor is closed when a program is executed.
  local function is_cloexec(fd)
    for line in io.lines("/proc/self/fdinfo/" .. fd) do
      local flags = line:match("^flags:%s*(%d+)")
      if flags then return tonumber(flags, 8) & 524288 ~= 0 end
    end
  end

  for _, kind in ipairs { "udp4", "udp6", "unix_dgram" } do
    it(("of %s are closed on exec"):format(kind), function()
      helper.run(function()
        local socket = dgram.createSocket(kind)
        if kind == "unix_dgram" then socket:bindSync {}
        else socket:bindSync() end
        local fd = socket:fileno()
        assert.is_true(is_cloexec(fd))
        socket:close()
        assert.is_true(is_cloexec(fd), "after close")
      end)
    end)
  end
end)

describe("payloads and addresses", function()
  it("of any bytes stay what they are", function()
    helper.run(function()
      local socket, port = bound()
      local bytes = {}
      for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
      local payload = table.concat(bytes) .. "%s%n%s%n"
      socket:on("message", helper.expect(function(msg)
        assert.equal(payload, msg)
        socket:close()
      end))
      socket:send(payload, port, "127.0.0.1")
    end)
  end)

  for _, text in ipairs { "%s%n%s%n.test", ("a"):rep(5000), "1.2.3.4\0.test",
    "fe80::1%" .. ("z"):rep(3000), "::%", "\255\254", " ", "%" } do
    it(("like %q are refused, not obeyed"):format(text:sub(1, 12)), function()
      helper.run(function()
        local socket = dgram.createSocket {
          type = text:find(":") and "udp6" or "udp4",
          lookup = function(_, _, answer) answer(nil, text) end,
        }
        socket:bindSync()
        socket:send("x", 9, text, helper.expect(function(err)
          assert.is_string(err.code)
          socket:close()
        end))
      end)
    end)
  end

  for name, answer in pairs { table = {}, boolean = true, number = 42,
    callable = print } do
    it(("looked up as a %s end in an error"):format(name), function()
      helper.run(function()
        local socket = dgram.createSocket { type = "udp4",
          lookup = function(name_asked, _, done)
            done(nil, name_asked == "0.0.0.0" and name_asked or answer)
          end }
        socket:send("x", 9, "name.test", helper.expect(function(err)
          assert.is_string(err and err.code)
          socket:close()
        end))
      end)
    end)
  end

  it("of more than 4 GiB are refused", function()
    if not os.getenv("DGRAM_LARGE") then
      pending("set DGRAM_LARGE=1 where 10 GiB of memory are free")
    end
    helper.run(function()
      local socket, port = bound()
      local part = ("x"):rep(2 ^ 30)
      local payload = part .. part .. part .. part .. "more"
      local ok, err = pcall(socket.send, socket, payload, port, "127.0.0.1",
        helper.expect(function(err) assert.equal("EMSGSIZE", err.code) end))
      assert(ok, tostring(err))
      socket:send("x", port, "127.0.0.1", helper.expect(function(err2)
        assert.is_nil(err2)
        socket:close()
      end))
    end, 60)
  end)
end)

describe("a path", function()
  -- The permissions of a file.
  local function mode_of(path)
    return uv.fs_stat(path).mode % 512
  end

  -- Binds a socket of a mode to a path under a umask; returns what became of both.
  local function bound_under(umask, mode)
    local name, before = helper.path(), faults.umask(umask)
    local socket = dgram.createSocket { type = "unix_dgram", mode = mode }
    local ok, err = pcall(socket.bindSync, socket, { path = name })
    faults.umask(before)
    assert(ok, tostring(err))
    return socket, name
  end

  for _, mode in ipairs { 0, 384, 438, 511 } do
    for _, umask in ipairs { 0, 18, 63 } do -- 0, 022, 077
      it(("appears with mode %03o at once, umask %03o"):format(mode, umask),
        function()
          helper.run(function()
            local socket, name = bound_under(umask, mode)
            assert.equal(mode, mode_of(name))
            socket:close()
          end)
        end)
    end
  end

  for _, umask in ipairs { 0, 18, 63 } do
    it(("has what umask %03o leaves, when no mode is given"):format(umask), function()
      helper.run(function()
        local socket, name = bound_under(umask)
        assert.equal(511 - umask, uv.fs_stat(name).mode % 4096)
        socket:close()
      end)
    end)
  end

  it("has no more than its mode where it cannot be given what the umask took",
    function()
      for _, call in ipairs { "open", "fstat", "chmod" } do
        helper.run(function()
          faults.at(call, 1, 1, core.errno "ENOENT")
          local socket, name = bound_under(63, 438)
          assert.equal(1, faults.hits(call))
          faults.clear()
          assert.equal(384, mode_of(name))
          socket:close(helper.expect(function()
            assert.is_nil(uv.fs_stat(name))
          end))
        end)
      end
    end)

  it("that is a file, a directory or a link is left alone", function()
    helper.run(function()
      local name = helper.path()
      helper.write("", name)
      local link = helper.path()
      assert(uv.fs_symlink(name, link))
      for _, path in ipairs { name, link, uv.os_tmpdir() } do
        local socket = dgram.createSocket("unix_dgram")
        local ok, err = pcall(socket.bindSync, socket, { path = path })
        assert.is_false(ok)
        assert.equal("EADDRINUSE", err.code)
        assert(uv.fs_lstat(path), "it is gone")
        socket:close()
      end
    end)
  end)

  it("is not made when it could not have its mode from the start", function()
    helper.run(function()
      local name = helper.path()
      local socket = dgram.createSocket("unix_dgram")
      faults.at("fchmod", 1, 1, core.errno "EPERM")
      helper.has({ code = "EPERM", syscall = "bind" },
        helper.raised(socket.bindSync, socket, { path = name, mode = 384 }))
      assert.is_nil(uv.fs_stat(name))
      faults.at("fchmod", 1, 1, core.errno "EPERM")
      socket:bindSync { path = name }
      assert.equal(0, faults.hits("fchmod"))
      faults.clear()
      socket:close()
    end)
  end)

  it("that somebody replaces at once keeps the mode it has then", function()
    helper.run(function()
      local name = helper.path()
      local socket = dgram.createSocket { type = "unix_dgram", mode = 511 }
      faults.replace(name)
      socket:bindSync { path = name }
      assert.equal("file", uv.fs_stat(name).type)
      assert.equal(384, mode_of(name))
      socket:close()
    end)
  end)

  it("that somebody replaced is not removed", function()
    helper.run(function()
      local name = helper.path()
      local socket = dgram.createSocket("unix_dgram")
      socket:bindSync { path = name }
      os.remove(name)
      helper.write("", name)
      socket:close(helper.expect(function()
        assert(uv.fs_stat(name), "it is gone")
      end))
    end)
  end)
end)

describe("a descriptor that is adopted", function()
  before_each(faults.clear)

  -- How many events the loop has in a while, and what the socket's errors are.
  local function events(options, prepare)
    local count, errors = 0, {}
    helper.run(function()
      local first = bound(options)
      local fd = first:fileno()
      assert(prepare(fd))
      local socket = first
      socket:on("error", function(err) errors[err.code] = true end)
      local dead, dead_port = bound()
      dead:close()
      local sent = false
      socket:send("x", dead_port, "127.0.0.1", function() sent = true end)
      helper.wait(function() return sent end)
      faults.clear()
      helper.pass(300)
      count = faults.count("receive")
      socket:close()
    end)
    return count, errors
  end

  it("and keeps its errors in a queue does not keep the loop busy", function()
    local count, errors = events("udp4", faults.keep_errors)
    assert.is_true(count < 10, count .. " reads")
    assert.is_true(errors.ECONNREFUSED)
  end)

  it("and tells all there is with its datagrams tells of trains all the same", function()
    helper.run(function()
      local socket, port = bound()
      local heard, sent = helper.listen(socket), traffic.numbered(9)
      assert(faults.tell_all(socket:fileno()))
      for _, each in ipairs(sent) do socket:send(each, port, "127.0.0.1") end
      traffic.finish(sent, heard, socket)
    end)
  end)

  it("and is told what has no room says so, and keeps what has", function()
    local fields = { "localAddress", "interface", "ttl", "typeOfService", "timestamp" }
    if not traffic.can_tell("udp4", table.unpack(fields)) then pending("no such fields") end
    local whole = 0
    for room = 0, 200, 4 do
      helper.run(function()
        local socket, inbox = helper.bound { type = "udp4", recvInfo = fields }
        local told, codes = 0, {}
        socket:on("error", function(err) codes[#codes + 1] = err.code end)
        faults.at("receive", 1, 1, faults.CONTROL + room)
        socket:send("x", socket:address().port, "127.0.0.1")
        local each = helper.fill(inbox)[1]
        assert.equal("x", each.msg)
        for _, field in ipairs(fields) do told = told + (each.from[field] and 1 or 0) end
        if told == #fields then whole = whole + 1
        else assert.same({ "EMSGSIZE" }, codes) end
        assert.equal(#codes, socket:stats().truncated)
        socket:close()
      end)
    end
    assert.is_true(whole > 0 and whole < 50)
  end)

  it("and had datagrams cut up and held back sends them whole", function()
    helper.run(function()
      local server, heard, to = traffic.receiver()
      local giver, taker = dgram.socketpair { recvInfo = { "descriptors" } }
      local owner = bound()
      if not faults.cut_up(owner:fileno()) then
        helper.close(server, giver, taker, owner)
        pending("the system has no UDP_SEGMENT")
      end
      taker:on("message", function(_, rinfo)
        local socket = dgram.createSocket { fd = rinfo.descriptors[1]:take() }
        for _ = 1, 3 do socket:send("whole", to.port, to.address) end
        helper.close(socket, giver, taker, owner)
      end)
      giver:send("x", { descriptors = { owner:fileno() } })
      assert.same({ "whole", "whole", "whole" }, helper.fill(heard, 3))
      server:close()
    end)
  end)

  it("and is shut down is tried again now and then", function()
    local count, errors = events("udp4", faults.shut_down)
    assert.is_true(count < 300, count .. " reads")
    assert.is_true(errors.ESHUTDOWN)
  end)
end)

describe("a send for which there is no memory", function()
  after_each(faults.clear)

  it("tells its callback, and keeps nothing of it", function()
    helper.run(function()
      local server, _, to = traffic.receiver("unix_dgram")
      local socket, told = dgram.createSocket("unix_dgram"), nil
      socket:send("x", to.address, helper.sent())
      socket:flush()
      local kept = setmetatable({}, { __mode = "v" })
      local function send(tell)
        kept[1] = tell
        faults.at("malloc", 1, 1000000, core.errno "ENOMEM")
        socket:send(("x"):rep(300000), to.address, tell)
        faults.clear()
      end
      send(function(err) told = err end)
      helper.wait(function() return told end)
      assert.equal("ENOMEM", told.code)
      for _ = 1, 2 do collectgarbage() end
      assert.is_nil(kept[1])
      helper.close(server, socket)
    end)
  end)
end)

describe("receiving that fails again and again", function()
  before_each(faults.clear)
  after_each(faults.clear)

  -- Whatever the code is: as many in a row as these do not pass.
  for _, code in ipairs { "EACCES", "ECONNREFUSED", "EIO" } do
    it(("with %s does not spin, and goes on when it is over"):format(code), function()
      helper.run(function()
        local socket = dgram.createSocket("udp4")
        local inbox = helper.listen(socket)
        local port = socket:bindSync({ address = "127.0.0.1" }).port
        faults.at("receive", 1, 1000000, core.errno(code))
        socket:send("x", port, "127.0.0.1")
        helper.pass(200)
        local tries = faults.count("receive")
        assert.is_true(tries > 3 and tries < 200, tries .. " tries in 200 ms")
        faults.clear()
        helper.fill(inbox)
        socket:close()
      end)
    end)
  end

  it("for want of memory rests and goes on", function()
    helper.run(function()
      local sockets, inboxes = {}, {}
      for i = 1, 4 do -- more than the spare batches there may be
        sockets[i] = dgram.createSocket("udp4")
        inboxes[i] = helper.listen(sockets[i])
        sockets[i]:once("message", function() sockets[i]:pause() end)
        local port = sockets[i]:bindSync({ address = "127.0.0.1" }).port
        for _ = 1, 3 do sockets[i]:send("x", port, "127.0.0.1") end
      end
      faults.at("malloc", 1, 1000000, core.errno "ENOMEM")
      helper.pass(30)
      faults.clear()
      for i = 1, 4 do
        helper.fill(inboxes[i])
        sockets[i]:resume()
        helper.fill(inboxes[i], 3)
        sockets[i]:close()
      end
    end)
  end)
end)

describe("a unix peer that does not read, when there is no memory for its lane", function()
  before_each(faults.clear)

  it("costs the datagrams for it, each of which is told, and nobody else", function()
    helper.run(function()
      local full, _, full_path = traffic.full_peer()
      local good, heard, good_to = traffic.receiver("unix_dgram")
      local sender, codes = dgram.createSocket("unix_dgram"), {}
      for i = 1, 40 do
        sender:send("x", full_path, function(err) codes[i] = err and err.code or "sent" end)
      end
      sender:send("y", good_to.address, helper.sent())
      faults.at("malloc", 1, 1000000, core.errno "ENOMEM")
      sender:flush()
      faults.clear()
      helper.wait(function() return #heard == 1 and #codes == 40 end)
      assert.equal("sent", codes[1])
      assert.equal("ENOBUFS", codes[40])
      helper.close(sender, good, full)
    end)
  end)
end)
