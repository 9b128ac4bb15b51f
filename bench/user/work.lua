-- One kind of work, done so many times: what `make bench-user` counts.
--   work.lua send|address|callback|receive|echo COUNT
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
local function bursts(send)
  server:pause()
  client:connectSync(port)
  local idle = uv.new_idle()
  idle:start(function()
    for _ = 1, BURST do send() end
    done = done + BURST
    if done < count then return end
    idle:close()
    finish()
  end)
end

local works = {}

function works.send()
  bursts(function() client:send(message) end)
end

function works.address()
  bursts(function() server:send(message, port, "127.0.0.1") end)
end

function works.callback()
  local function callback() end
  bursts(function() client:send(message, callback) end)
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

works[kind]()
uv.run()
