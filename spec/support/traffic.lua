-- What the specs of traffic share: receivers that note what they hear, peers
-- that do not read, slow lookups, and whether the loop rests.
local assert = require "luassert"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local uv = require "luv"

local traffic = {}

local LOOPBACK = { udp4 = "127.0.0.1", udp6 = "::1" }
local ROOM = 4 * 1024 * 1024 -- or what the system grants

-- Makes n messages, each with its number.
function traffic.numbered(n)
  local list = {}
  for i = 1, n do list[i] = tostring(i) end
  return list
end

-- Binds a socket that notes its messages, with room for many; returns it, the
-- list, and its address.
function traffic.receiver(options)
  local socket, heard = dgram.createSocket(options or "udp4"), {}
  socket:on("message", function(msg) heard[#heard + 1] = msg end)
  socket:bindSync { address = LOOPBACK[socket.type] or helper.path() }
  socket:setRecvBufferSize(ROOM)
  return socket, heard, socket:address()
end

-- Binds an IPv4 socket that hears nothing.
function traffic.sender(options)
  local socket = dgram.createSocket(options or "udp4")
  socket:bindSync { address = "127.0.0.1" }
  return socket
end

-- A receiver of unix datagrams that does not read; returns its path last.
function traffic.full_peer()
  local server, heard, to = traffic.receiver("unix_dgram")
  return server:pause(), heard, to.address
end

-- A lookup that keeps its questions until the spec answers them.
function traffic.slow_lookup()
  local asked = {}
  return function(host, _, done)
    asked[#asked + 1] = { host = host, done = done }
  end, asked
end

function traffic.close_all(...)
  for _, socket in ipairs { ... } do socket:close() end
end

-- Closes sockets when as many messages as sent were heard, and compares.
function traffic.finish(sent, heard, ...)
  helper.fill(heard, #sent)
  assert.same(sent, heard)
  traffic.close_all(...)
end

-- Asserts that the loop turns for its timers only while 50 ms pass.
function traffic.assert_rests(what)
  local turns, over = 0, false
  local prepare, timer = uv.new_prepare(), uv.new_timer()
  prepare:start(function() turns = turns + 1 end)
  timer:start(50, 0, function() over = true end)
  helper.wait(function() return over end)
  prepare:close()
  timer:close()
  assert.is_true(turns < 40, ("%s: %d turns in 50 ms"):format(what, turns))
end

return traffic
