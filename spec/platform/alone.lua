-- What can be asked of a C library for which no luv is built: traffic of each type on
-- the built-in poll() loop. Closes with the total.
--   lua spec/platform/alone.lua
package.preload.luv = function() error("luv was loaded") end
local dgram = require "dgram"
local loop = require("dgram.loop.poll").new()

local passed, failed = 0, 0

-- Runs a check until the loop is empty; prints why it fails.
local function check(name, fn)
  local ok, err = pcall(function()
    local verdict = fn()
    loop.run()
    if verdict then verdict() end
  end)
  if ok then passed = passed + 1 else failed = failed + 1 end
  if not ok then print(name .. ": " .. tostring(err)) end
end

-- A socket on this loop, and its address, bound to the loopback of its type.
local function bound(kind, options)
  options = options or {}
  options.type, options.loop = kind, loop
  local socket = dgram.createSocket(options)
  local where = { udp4 = "127.0.0.1", udp6 = "::1", unix_dgram = os.tmpname() }
  if kind == "unix_dgram" then os.remove(where[kind]) end
  return socket, socket:bindSync { address = where[kind] }
end

-- Sends 640 datagrams in two portions from a socket to itself; all arrive in order.
local function burst(options)
  local socket, at = bound("udp4", options)
  local heard = 0
  socket:setRecvBufferSize(4 * 1024 * 1024)
  local function send()
    for i = heard + 1, heard + 320 do
      socket:send(("%03d"):format(i), at.port, at.address)
    end
  end
  socket:on("message", function(msg)
    heard = heard + 1
    assert(tonumber(msg) == heard, "out of order")
    if heard == 640 then socket:close() elseif heard == 320 then send() end
  end)
  send()
  return function() assert(heard == 640, heard .. " of 640") end
end

check("a burst", burst)
check("a burst without trains", function() return burst { gso = false, gro = false } end)

for _, kind in ipairs { "udp4", "udp6", "unix_dgram" } do
  check(kind .. " echoes", function()
    local server, at = bound(kind)
    local client, own = bound(kind)
    local heard, from
    server:on("message", function(msg, rinfo)
      if rinfo.port then server:send(msg, rinfo.port, rinfo.address)
      else server:send(msg, rinfo.address) end
    end)
    client:on("message", function(msg, rinfo)
      heard, from = msg, rinfo.address
      client:close()
      server:close()
    end)
    if at.port then client:send("hello", at.port, at.address)
    else client:send("hello", at.address) end
    return function()
      assert(heard == "hello" and from == at.address and own.address)
    end
  end)
end

check("errors have their names", function()
  local socket, codes = bound("udp4"), {}
  -- Notes the error of a send; closes after both, of which either may be the first.
  local function noted(name)
    return function(err)
      codes[name] = err and err.code or "none"
      if codes.large and codes.unknown then socket:close() end
    end
  end
  socket:send(("x"):rep(65508), 9, "127.0.0.1", noted "large")
  socket:send("x", 9, "nobody.invalid", noted "unknown")
  return function()
    assert(codes.large == "EMSGSIZE", codes.large)
    assert(codes.unknown:find "^E", codes.unknown)
  end
end)

check("options and memberships", function()
  local socket = bound("udp4")
  socket:setTTL(3)
  socket:setBroadcast(true)
  socket:setMulticastInterface("127.0.0.1")
  socket:addMembership("230.1.2.3", "127.0.0.1")
  socket:dropMembership("230.1.2.3", "127.0.0.1")
  socket:close()
end)

check("a host name", function()
  local socket, at = bound("udp4")
  local heard
  socket:on("message", function(msg)
    heard = msg
    socket:close()
  end)
  socket:send("x", at.port, "localhost")
  return function() assert(heard == "x") end
end)

print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
