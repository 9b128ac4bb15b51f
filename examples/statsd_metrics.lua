-- Metrics that are summed up: StatsD's lines, several a datagram, and what they come to;
-- for statsd_server.lua.
--
--   local metrics = Metrics.new(100000)
--   metrics:add "hits:1|c"
--   for _, line in ipairs(metrics:flush(10)) do print(line) end --> counter hits 1 (0.1/s)
local Metrics = { LONGEST = 1024 } -- bytes of a line
Metrics.__index = Metrics

--- Makes a sum of nothing, which keeps so many values at most until it is flushed:
--- strangers fill no memory.
function Metrics.new(limit)
  return setmetatable({ limit = limit, kept = 0, by_label = {} }, Metrics)
end

-- Takes room for one more value; false if there is none.
local function room(self)
  if self.kept >= self.limit then return false end
  self.kept = self.kept + 1
  return true
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

-- The kinds of metrics: what stands at first, how a value is read and added (a client
-- that tells every tenth event gives its rate, 0.1), and what is printed.
local counter = { name = "counter", first = function() return 0 end, read = number }

function counter.add(_, sum, value, rate) return sum + value / rate end

function counter.show(sum, seconds) return ("%g (%g/s)"):format(sum, sum / seconds) end

-- A gauge stays until it is told anew; a sign makes it a change.
local gauge = { name = "gauge", first = counter.first, read = number, stays = true }

function gauge.add(_, last, value, _, text)
  return text:find("^[+-]") and last + value or value
end

function gauge.show(last) return ("%g"):format(last) end

local set = { name = "set", read = tostring }

function set.first() return { size = 0, has = {} } end

function set.add(self, values, text)
  if not values.has[text] and room(self) then
    values.has[text], values.size = true, values.size + 1
  end
  return values
end

function set.show(values) return tostring(values.size) end

-- A kind that keeps its numbers: timers and their like.
local function samples(name)
  return { name = name, first = function() return {} end, read = number, show = spread,
    add = function(self, list, value)
      if room(self) then list[#list + 1] = value end
      return list
    end }
end

local KINDS = { c = counter, g = gauge, s = set, ms = samples "timer",
  h = samples "histogram", d = samples "distribution" }

--- Adds a line, "name:value|type|@rate|#tags"; returns false if it is something else, or
--- there is no room for one more metric.
function Metrics:add(line)
  if #line > self.LONGEST then return false end
  local name, text, letters, rest = line:match("^([^:|]+):([^|]+)|(%a+)(.*)$")
  local kind = KINDS[letters]
  local value = kind and kind.read(text)
  local rate = number(kind and rest:match("|@([^|]+)") or "1")
  if not value or not rate or rate <= 0 or rate > 1 then return false end
  local tags = rest:match("|#[^|]+") or ""
  local label = kind.name .. " " .. (name .. tags:sub(2)):gsub("%c", "?")
  local metric = self.by_label[label]
  if not metric then
    if not room(self) then return false end
    metric = { kind = kind, value = kind.first() }
    self.by_label[label] = metric
  end
  metric.value = kind.add(self, metric.value, value, rate, text)
  return true
end

--- Returns a line for each metric, in order, and begins anew; the last was some seconds
--- ago.
function Metrics:flush(seconds)
  local lines, staying = {}, {}
  self.kept = 0
  for label, metric in pairs(self.by_label) do
    lines[#lines + 1] = label .. " " .. metric.kind.show(metric.value, seconds)
    if metric.kind.stays then staying[label], self.kept = metric, self.kept + 1 end
  end
  table.sort(lines)
  self.by_label = staying
  return lines
end

return Metrics
