-- One kind of work, done so many times: what `make bench-user` counts.
--   work.lua send|address|many|callback|closure|receive|echo|echo8|scattered COUNT
local dgram, uv = require "dgram", require "luv"

local kind, count = arg[1], tonumber(arg[2])
local message, BURST = ("x"):rep(64), 256
local done = 0

local server = dgram.createSocket("udp4")
local client = dgram.createSocket("udp4")
local port = server:bindSync({ address = "127.0.0.1" }).port

local function finish()
  server:close()
  client:close()
end

-- Sends a burst in each turn of the loop; nobody reads.
local function bursts(burst)
  server:pause()
  client:connectSync(port)
  local idle = uv.new_idle()
  idle:start(function()
    burst()
    done = done + BURST
    if done < count then return end
    idle:close()
    finish()
  end)
end

local works = {}

function works.send()
  bursts(function()
    for _ = 1, BURST do client:send(message) end
  end)
end

function works.address()
  bursts(function()
    for _ = 1, BURST do server:send(message, port, "127.0.0.1") end
  end)
end

-- A burst with one call.
function works.many()
  local messages = {}
  for i = 1, BURST do messages[i] = message end
  bursts(function() client:sendMany(messages) end)
end

-- The same callback each.
function works.callback()
  local function callback() end
  bursts(function()
    for _ = 1, BURST do client:send(message, callback) end
  end)
end

-- Each its own callback.
function works.closure()
  bursts(function()
    local sent = 0
    for _ = 1, BURST do
      client:send(message, function(_, bytes) sent = sent + bytes end)
    end
  end)
end

-- Trains of 64; each is sent when the one before was heard.
function works.receive()
  local messages, heard = {}, 0
  for i = 1, 64 do messages[i] = message end
  client:connectSync(port)
  server:on("message", function()
    heard = heard + 1
    if heard % 64 > 0 then return end
    if heard >= count then finish() else client:sendMany(messages) end
  end)
  client:sendMany(messages)
end

-- One in flight.
function works.echo()
  server:on("message", function(msg, rinfo)
    server:send(msg, rinfo.port, rinfo.address)
  end)
  client:on("message", function(msg)
    done = done + 1
    if done >= count then finish() else client:send(msg) end
  end)
  client:connectSync(port)
  client:send(message)
end

-- Has peer.lua send a message to each port whenever it has heard so many. The loop
-- polls when all have come, so that each run has the same batches.
local function with_peer(ports, messages)
  local command = ("%s bench/user/peer.lua %d"):format(arg[-1], messages)
  local peer, before = io.popen(command), uv.new_prepare()
  client:connectSync(tonumber(peer:read("l")))
  local function ask(text)
    if text then client:send(text) end
    before:start(function()
      before:stop()
      peer:read("l")
    end)
  end
  ask(table.concat(ports, " "))
  return ask
end

-- Batches of eight, each message answered on its own.
function works.echo8()
  local ports = {}
  for i = 1, 8 do ports[i] = port end
  local ask = with_peer(ports, 8)
  server:on("message", function(msg, rinfo)
    done = done + 1
    if done >= count then
      client:send("end")
      return finish()
    end
    server:send(msg, rinfo.port, rinfo.address)
    if done % 8 == 0 then ask() end
  end)
end

-- A message on each of many sockets.
function works.scattered()
  local sockets, ports, ask = {}, {}, nil
  local function hear()
    done = done + 1
    if done % #sockets > 0 then return end
    if done < count then return ask("next") end
    for _, socket in ipairs(sockets) do socket:close() end
    client:send("end")
    finish()
  end
  for i = 1, 64 do
    sockets[i] = dgram.createSocket("udp4", hear)
    ports[i] = sockets[i]:bindSync({ address = "127.0.0.1" }).port
  end
  ask = with_peer(ports, 1)
end

works[kind]()
uv.run()
