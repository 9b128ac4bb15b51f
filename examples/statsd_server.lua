-- A StatsD server, over UDP and a unix socket: counters, gauges, timers and sets,
-- several a datagram, summed up and printed every few seconds. End with Ctrl-C.
--   lua5.4 examples/statsd_server.lua [PORT [PATH [SECONDS]]]
-- Try it with hot-shots, a client for Node (npm install hot-shots), or with
--   printf 'hits:1|c\nload:0.7|g\ndb:12|ms' | socat - UDP4:127.0.0.1:8125
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local Metrics = require "statsd_metrics"
local dgram = require "dgram"
local uv = require "luv"

local LIMIT = 100000 -- values that are kept

local port, path = arg[1] or 8125, arg[2] or "/tmp/dgram_statsd_sock"
local seconds = tonumber(arg[3] or 10)
assert(seconds and seconds > 0, "usage: statsd_server.lua [PORT [PATH [SECONDS]]]")

local metrics, refused = Metrics.new(LIMIT), 0

local function on_message(msg)
  for line in msg:gmatch("[^\n]+") do
    if not metrics:add(line) then refused = refused + 1 end
  end
end

-- Ctrl-C aborts, and that closes both sockets; the path goes with its socket.
local stop = dgram.AbortController()
local udp = dgram.createSocket({ type = "udp4", signal = stop.signal,
  recvBufferSize = 4194304 }, on_message)
local unix = dgram.createSocket({ type = "unix_dgram", signal = stop.signal,
  mode = 438 }, on_message) -- 0666: anybody on this machine

-- Prints all there is, and what was lost since the start.
local function flush()
  local lines, lost = metrics:flush(seconds), udp:stats().dropped
  print(("-- %d metrics, %d lines refused, %d datagrams lost"):format(#lines, refused, lost))
  for _, line in ipairs(lines) do print(line) end
end

udp:bindSync { port = port }
unix:bindSync { path = path }

local ticker, interrupt = uv.new_timer(), uv.new_signal()
local interval = math.ceil(seconds * 1000)
ticker:start(interval, interval, flush)
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function()
  ticker:close()
  flush()
  stop:abort()
end)

print(("listening on port %d and %s"):format(udp:address().port, path))
uv.run()
