-- A StatsD server, over UDP and a unix socket: counters, gauges, timers and sets,
-- several a datagram, summed up and printed every few seconds. End with Ctrl-C.
--   lua5.4 examples/statsd_server.lua [PORT [PATH [SECONDS]]]
-- Try it with hot-shots, a client for Node (npm install hot-shots), or with
--   printf 'hits:1|c\nload:0.7|g\ndb:12|ms' | socat - UDP4:127.0.0.1:8125
local dgram = require "dgram"
local uv = require "luv"

local port = tonumber(arg[1]) or 8125
local path = arg[2] or "/tmp/dgram_statsd_sock"
local seconds = tonumber(arg[3]) or 10

local LIMIT = 100000 -- values kept an interval: strangers fill no memory

local metrics = {} -- by what is printed of it: its kind, its value
local kept, refused = 0, 0

-- Whether there is room for one more value.
local function room()
  if kept < LIMIT then kept = kept + 1 return true end
  return false
end

-- Reads a finite decimal number; nil for anything else.
local function number(text)
  local value = text:find("^[+-]?[%d.]+[eE]?[+-]?%d*$") and tonumber(text)
  return value and math.abs(value) < math.huge and value or nil
end

-- What is printed of numbers: how many, and how they are spread.
local function spread(list)
  table.sort(list)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return #list == 0 and "count 0" or ("count %d min %g mean %g p90 %g max %g"):format(
    #list, list[1], sum / #list, list[math.ceil(#list * 0.9)], list[#list])
end

-- A kind of metric that keeps its numbers: timers and their like.
local function samples(name)
  return { name = name, first = function() return {} end, read = number, show = spread,
    add = function(list, value)
      if room() then list[#list + 1] = value end
      return list
    end }
end

-- The types of metrics: what stands at first, how a value is read and added (a
-- client that tells every tenth event gives its rate, 0.1), and what is printed.
local kinds = {
  c = { name = "counter", first = function() return 0 end, read = number,
    add = function(sum, value, rate) return sum + value / rate end,
    show = function(sum) return ("%g (%g/s)"):format(sum, sum / seconds) end },
  -- A gauge stays until it is told anew; a sign makes it a change.
  g = { name = "gauge", first = function() return 0 end, read = number, stays = true,
    add = function(last, value, _, text)
      return text:find("^[+-]") and last + value or value
    end,
    show = function(last) return ("%g"):format(last) end },
  s = { name = "set", first = function() return { size = 0, has = {} } end,
    read = tostring,
    add = function(set, text)
      if not set.has[text] and room() then
        set.has[text], set.size = true, set.size + 1
      end
      return set
    end,
    show = function(set) return tostring(set.size) end },
  ms = samples "timer", h = samples "histogram", d = samples "distribution",
}

-- Takes "name:value|type|@rate|#tags"; false if it is something else.
local function take(line)
  local name, text, letters, rest = line:match("^([^:|]+):([^|]+)|(%a+)(.*)$")
  local kind = kinds[letters]
  local value = kind and kind.read(text)
  local rate = number(kind and rest:match("|@([^|]+)") or "1")
  if not value or not rate or rate <= 0 or rate > 1 then return false end
  local tags = rest:match("|#[^|]+") or ""
  local label = kind.name .. " " .. (name .. tags:sub(2)):gsub("%c", "?")
  local metric = metrics[label]
  if not metric then
    if not room() then return false end
    metric = { kind = kind, value = kind.first() }
    metrics[label] = metric
  end
  metric.value = kind.add(metric.value, value, rate, text)
  return true
end

local function on_message(msg)
  for line in msg:gmatch("[^\n]+") do
    if not take(line) then refused = refused + 1 end
  end
end

-- Stops with Ctrl-C: what aborts closes both sockets.
local stop = dgram.AbortController()
local udp = dgram.createSocket({ type = "udp4", signal = stop.signal,
  recvBufferSize = 4194304 }, on_message)
local unix = dgram.createSocket({ type = "unix_dgram", signal = stop.signal,
  mode = 438 }, on_message) -- 0666: anybody on this machine

-- Prints all there is, in order, and begins anew.
local function flush()
  local lines, staying = {}, {}
  kept = 0
  for label, metric in pairs(metrics) do
    lines[#lines + 1] = label .. " " .. metric.kind.show(metric.value)
    if metric.kind.stays then staying[label], kept = metric, kept + 1 end
  end
  table.sort(lines)
  metrics = staying
  local lost = udp:stats().dropped
  print(("-- %d metrics, %d lines refused, %d datagrams lost"):format(#lines, refused, lost))
  for _, line in ipairs(lines) do print(line) end
end

unix:bind(path)
udp:bind(port, "0.0.0.0", function()
  print(("listening on port %d and %s"):format(udp:address().port, path))
end)

local ticker, interrupt = uv.new_timer(), uv.new_signal()
ticker:start(seconds * 1000, seconds * 1000, flush)
interrupt:start("sigint", function() -- Ctrl-C
  ticker:close()
  interrupt:close()
  flush()
  stop:abort()
end)
uv.run()
