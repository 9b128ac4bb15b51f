-- The service of nginx.conf: each worker has sockets of its own on the same
-- ports (reusePort), the kernel spreads the senders over them, and the workers
-- count in a dictionary they share.
local dgram = require "dgram"
local driver = require "dgram.nginx"

local counters = ngx.shared.counters
local M = {}

-- Makes a socket that gives its messages to a listener.
local function listen(port, listener)
  local socket = dgram.createSocket { type = "udp4", reusePort = true }
  socket:on("error", function(err) ngx.log(ngx.ERR, tostring(err)) end)
  socket:on("message", function(msg, rinfo) listener(msg, rinfo, socket) end)
  socket:bind(port, "127.0.0.1")
end

-- Counts StatsD's "name:value|c", one or more in a datagram.
local function count(msg)
  for name, value in msg:gmatch("([^:\n]+):(%-?%d+)|c") do
    counters:incr(name, tonumber(value), 0)
  end
end

-- Sends a message back. A listener must not yield; this handler may, and does.
local echo = driver.async(function(msg, rinfo, socket)
  ngx.sleep(0.001)
  if rinfo.port > 0 then socket:reply(msg, rinfo) end -- 0 has no answer
end)

--- Starts the service in this worker: start { statsd = port, echo = port }.
function M.start(ports)
  driver.start(function()
    listen(ports.statsd, count)
    listen(ports.echo, echo)
  end)
end

--- Answers a request with the counters, a line each.
function M.show()
  local names = counters:get_keys(0)
  table.sort(names)
  for _, name in ipairs(names) do ngx.say(name, " ", counters:get(name)) end
end

return M
