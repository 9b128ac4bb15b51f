-- The life of some sockets with a full garbage collection after every
-- instruction of the virtual machine: what the core forgets to keep is gone
-- before it is used. Run by `make sanitize`; no busted, for the time it takes.
local dgram = require "dgram"
local uv = require "luv"

local passed, failed = 0, 0

-- Runs a test with collections, then the loop until it is empty.
local function test(name, body)
  collectgarbage()
  local deadline = uv.new_timer()
  deadline:start(60000, 0, function() error(name .. ": no end", 0) end)
  deadline:unref()
  debug.sethook(function() collectgarbage() end, "", 1)
  local ok, err = pcall(function()
    local check = body()
    uv.run()
    check()
  end)
  debug.sethook()
  deadline:close()
  uv.run()
  if ok then passed = passed + 1 else failed = failed + 1 end
  print((ok and "ok      " or "FAILED  ") .. name .. (ok and "" or ": "
    .. tostring(err)))
end

for _, kind in ipairs { "udp4", "udp6" } do
  local address = kind == "udp4" and "127.0.0.1" or "::1"
  test("a burst over " .. kind, function()
    local heard, completions = {}, 0
    local socket = dgram.createSocket(kind)
    socket:on("message", function(msg, rinfo)
      heard[#heard + 1] = msg
      assert(rinfo.address == address and rinfo.size == #msg)
      if #heard == 12 then socket:close() end
    end)
    socket:bind(0, address, function()
      local port = socket:address().port
      for i = 1, 11 do
        socket:send("message " .. i, port, address, function(err, bytes)
          assert(not err and bytes > 8)
          completions = completions + 1
        end)
      end
      socket:send({ "in", " ", "parts" }, port, address)
    end)
    return function()
      assert(#heard == 12 and completions == 11)
      for i = 1, 11 do assert(heard[i] == "message " .. i) end
      assert(heard[12] == "in parts")
    end
  end)
end

test("connected sockets and their errors", function()
  local heard, errors = 0, 0
  local server, client = dgram.createSocket("udp4"), dgram.createSocket("udp4")
  local port = server:bindSync({ address = "127.0.0.1" }).port
  server:on("message", function() heard = heard + 1 end)
  client:on("error", function(err)
    assert(err.code == "ECONNREFUSED")
    errors = errors + 1
    if not client.closing then
      client.closing = true
      client:close()
    end
  end)
  client:connect(port, "127.0.0.1", function()
    client:send("one", function()
      server:close(function() client:send("nobody hears this") end)
    end)
  end)
  return function() assert(heard <= 1 and errors > 0) end
end)

test("unix sockets", function()
  local name, heard = "\0dgram-stress-" .. uv.os_getpid(), 0
  local server = dgram.createSocket("unix_dgram")
  local client = dgram.createSocket("unix_dgram")
  server:on("message", function(msg, rinfo)
    assert(msg == "hello" and rinfo.address == "")
    heard = heard + 1
    server:close()
    client:close()
  end)
  server:bind(name, function() client:send("hello", name) end)
  return function() assert(heard == 1) end
end)

test("names, failures and late callbacks", function()
  local codes = {}
  local socket = dgram.createSocket { type = "udp4",
    lookup = function(host, _, done)
      if host == "bad.test" then return done(nil, "nonsense") end
      done(nil, host == "good.test" and "127.0.0.1" or host)
    end }
  local function note(err) codes[#codes + 1] = err and err.code or "sent" end
  socket:send("x", 9, "good.test", note)
  socket:send("x", 9, "bad.test", note)
  socket:send(("x"):rep(65508), 9, "127.0.0.1", note)
  socket:close(function() codes[#codes + 1] = "close" end)
  return function()
    assert(#codes == 4 and codes[4] == "close", table.concat(codes, " "))
  end
end)

test("lists, signals and options", function()
  local list, controller = dgram.BlockList(), dgram.AbortController()
  for i = 1, 9 do list:addAddress("10.0.0." .. i) end
  list:addSubnet("127.0.0.0", 8)
  local socket = dgram.createSocket { type = "udp4", sendBlockList = list,
    receiveBlockList = list, signal = controller.signal }
  local code
  socket:bind(0, "127.0.0.1", function()
    socket:setTTL(3)
    pcall(socket.addMembership, socket, "239.7.7.7", "lo")
    socket:send("x", 9, "127.0.0.1", function(err)
      code = err and err.code
      controller:abort()
    end)
  end)
  return function() assert(code == "ERR_IP_BLOCKED") end
end)

print(("\n%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0, true)
