-- A StatsD counter in HAProxy: datagrams of the form "name:value|c" on STATSD_PORT are
-- added up, and HTTP shows the sums (see haproxy.cfg).
local counters = {}

-- Adds one datagram up.
local function count(msg)
  for name, value in msg:gmatch("([%w.]+):(%d+)|c") do
    counters[name] = (counters[name] or 0) + math.tointeger(value)
  end
end

-- HAProxy watches no descriptors for Lua: the task looks every 2 ms.
core.register_task(function()
  local dgram = require "dgram"
  local loop = require("dgram.loop.poll").new()
  local socket = dgram.createSocket { type = "udp4", loop = loop }
  socket:on("message", count)
  socket:bind(tonumber(os.getenv "STATSD_PORT"), "127.0.0.1")
  while true do
    local ok, err = pcall(loop.run, "nowait")
    if not ok then core.Alert(tostring(err)) end
    core.msleep(2)
  end
end)

core.register_service("counters", "http", function(applet)
  local lines = {}
  for name, value in pairs(counters) do lines[#lines + 1] = name .. " " .. value .. "\n" end
  table.sort(lines)
  local body = table.concat(lines)
  applet:set_status(200)
  applet:add_header("content-length", tostring(#body))
  applet:start_response()
  applet:send(body)
end)
