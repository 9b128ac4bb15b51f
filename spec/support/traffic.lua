-- What the specs of traffic share: receivers that note what they hear, peers
-- that do not read, ports that are closed, lookups, hosts that survive errors, and
-- whether the loop rests.
local assert = require "luassert"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local succeeds = require("spec.support.host").succeeds
local inside = require "spec.support.inside"
local uv = require "luv"

local traffic = {}

--- A large receive buffer, or what the system grants.
traffic.ROOM = 4 * 1024 * 1024

-- Has a function called when the collector comes by.
function traffic.plant(fn)
  if newproxy then getmetatable(newproxy(true)).__gc = fn -- luacheck: ignore
  else setmetatable({}, { __gc = fn }) end
end

-- Has the collector begin anew as soon as it has ended, so that finalizers run
-- within some calls; or as usual.
function traffic.hurry(yes)
  local percent = yes and 1 or 200
  if _VERSION < "Lua 5.5" then collectgarbage("setpause", percent)
  else collectgarbage("param", "pause", percent) end
end

-- Makes n messages, each with its number.
function traffic.numbered(n)
  local list = {}
  for i = 1, n do list[i] = tostring(i) end
  return list
end

-- Binds a socket that notes its messages, with room for many; returns it, the
-- list, and its address.
function traffic.receiver(options)
  local socket = dgram.createSocket(options or "udp4")
  local heard = helper.listen(socket)
  socket:bindSync { address = helper.LOOPBACK[socket.type] or helper.path() }
  socket:setRecvBufferSize(traffic.ROOM)
  return socket, heard, socket:address()
end

-- Binds an IPv4 socket that hears nothing; returns it and its port.
function traffic.sender(options)
  local socket = dgram.createSocket(options or "udp4")
  return socket, socket:bindSync({ address = "127.0.0.1" }).port
end

-- A port of loopback that nobody listens on, and that nobody is given meanwhile: it is
-- below those which the system chooses from.
function traffic.closed_port(kind)
  local socket, port = dgram.createSocket(kind or "udp4"), math.random(10000, 30000)
  local function bind()
    socket:bindSync { port = port, address = helper.LOOPBACK[socket.type] }
  end
  while not pcall(bind) do port = math.random(10000, 30000) end
  helper.closed(socket)
  return port
end

-- A receiver of unix datagrams that does not read; returns its path last.
function traffic.full_peer()
  local server, heard, to = traffic.receiver("unix_dgram")
  return server:pause(), heard, to.address
end

-- A lookup that keeps its questions until the spec answers them.
function traffic.slow_lookup()
  local asked = {}
  return function(host, family, done)
    asked[#asked + 1] = { host = host, family = family, done = done }
  end, asked
end

-- An IPv4 socket whose lookup waits for the spec, and the list of its questions.
function traffic.asking()
  local lookup, asked = traffic.slow_lookup()
  return dgram.createSocket { type = "udp4", lookup = lookup }, asked
end

-- A lookup that knows the wildcard and asks `answer` for every other name.
function traffic.lookup(answer)
  return function(host, family, done)
    if host == "0.0.0.0" then return done(nil, host) end
    return answer(host, family, done)
  end
end

-- A lookup that fails for every name but the wildcard.
function traffic.no_names(err)
  return traffic.lookup(function(_, _, done) done(err) end)
end

--- Whether sockets of a type can be told fields of recvInfo by this build.
function traffic.can_tell(kind, ...)
  return (pcall(dgram.createSocket, { type = kind, recvInfo = { ... } }))
end

-- Leaves a unix socket nobody listens on at a path: renamed, it is not removed.
function traffic.leave_stale(path)
  local old = helper.path()
  local socket = dgram.createSocket("unix_dgram")
  socket:bindSync { path = old }
  assert(os.rename(old, path))
  helper.closed(socket)
end

-- Closes sockets when as many messages as sent were heard, and compares.
function traffic.finish(sent, heard, ...)
  helper.fill(heard, #sent)
  assert.same(sent, heard)
  helper.close(...)
end

-- Makes a spec pending where the system does not grant what it grants by default,
-- 212992 bytes, which the kernel doubles: a burst of some hundred datagrams.
function traffic.need_buffers(pending)
  local udp, unix = dgram.createSocket("udp4"), dgram.createSocket("unix_dgram")
  udp:setRecvBufferSize(traffic.ROOM)
  unix:setSendBufferSize(traffic.ROOM)
  local granted = math.min(udp:getRecvBufferSize(), unix:getSendBufferSize())
  helper.closed(udp)
  helper.closed(unix)
  if granted < 400000 then pending("the system grants no large buffers") end
end

local answers -- whether the resolver does, once it was asked

-- Makes a spec pending where the resolver says nothing for seconds.
function traffic.need_resolver(pending)
  if answers == nil then
    answers = succeeds("timeout 2 getent ahosts nobody.invalid; test $? != 124")
  end
  if not answers then pending("the resolver does not answer") end
end

-- Whether the system has memberships of one source: NetBSD and OpenBSD do not.
function traffic.has_sources()
  local socket = dgram.createSocket("udp4")
  local ok, err = pcall(socket.addSourceSpecificMembership, socket, "127.0.0.1",
    "232.1.2.3", "127.0.0.1")
  helper.closed(socket)
  return ok or err.code ~= "ENOTSUP"
end

-- Whether this system and this build have a queue of errors.
function traffic.has_icmp()
  return (pcall(dgram.createSocket, { type = "udp4", icmp = true }))
end

-- An adapter like luv's own, each of whose callbacks is what wrap(callback, hook)
-- makes of it.
local function wrapping(wrap)
  local luv, adapter = inside.luv_adapter(), {}
  function adapter.poll(fd, callback) return luv.poll(fd, wrap(callback, "poll")) end
  function adapter.idle(callback) return luv.idle(wrap(callback, "idle")) end
  function adapter.timer(callback) return luv.timer(wrap(callback, "timer")) end
  adapter.lookup = luv.lookup and function(host, family, callback)
    return luv.lookup(host, family, wrap(callback, "lookup"))
  end
  return adapter
end

-- The adapter of a host that survives errors, and the list it collects them in.
function traffic.surviving()
  local errors = {}
  return wrapping(function(callback)
    return function(...)
      local ok, err = pcall(callback, ...)
      if not ok then errors[#errors + 1] = err end
    end
  end), errors
end

-- An adapter, and a function that tells how often it woke its sockets.
function traffic.counting()
  local count = 0
  return wrapping(function(callback, hook)
    if hook ~= "poll" then return callback end
    return function(err, events)
      count = count + 1
      callback(err, events)
    end
  end), function() return count end
end

-- Asserts that the loop turns for its timers only while 50 ms pass.
function traffic.assert_rests(what)
  local turns, prepare = 0, uv.new_prepare()
  prepare:start(function() turns = turns + 1 end)
  helper.pass(50)
  prepare:close()
  assert.is_true(turns < 40, ("%s: %d turns in 50 ms"):format(what, turns))
end

return traffic
