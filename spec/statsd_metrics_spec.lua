-- StatsD's lines and what they come to, examples/statsd_metrics.lua; whatever comes is a
-- metric or refused, and raises nothing.
local Metrics = dofile "examples/statsd_metrics.lua"

-- What these lines come to in ten seconds, each of which is taken.
local function sums(...)
  local metrics = Metrics.new(1000)
  for _, line in ipairs { ... } do assert.is_true(metrics:add(line), line) end
  return metrics:flush(10), metrics
end

describe("StatsD's metrics", function()
  it("are counters, with their rate", function()
    assert.same({ "counter hits 5 (0.5/s)" }, (sums("hits:1|c", "hits:-1|c", "hits:1|c|@0.2")))
    assert.same({ "counter hits 2500 (250/s)" }, (sums("hits:2.5e3|c")))
  end)

  it("are gauges, which stay, and change by what has a sign", function()
    local lines, metrics = sums("load:5|g", "load:-2|g", "load:+0.5|g", "hits:1|c")
    assert.same({ "counter hits 1 (0.1/s)", "gauge load 3.5" }, lines)
    assert.same({ "gauge load 3.5" }, metrics:flush(10))
    assert.is_true(metrics:add("load:-1|g"))
    assert.same({ "gauge load 2.5" }, metrics:flush(10))
  end)

  it("are timers, histograms and distributions", function()
    assert.same({ "distribution d count 1 min 0 mean 0 p90 0 max 0",
      "histogram h count 1 min 7 mean 7 p90 7 max 7",
      "timer db count 10 min 1 mean 5.5 p90 9 max 10" },
      (sums("db:10|ms", "db:1|ms", "db:2|ms", "db:3|ms", "db:4|ms", "db:5|ms", "db:6|ms",
        "db:7|ms", "db:8|ms", "db:9|ms", "h:7|h", "d:0|d")))
  end)

  it("are sets, of different texts", function()
    assert.same({ "set users 2" }, (sums("users:anna|s", "users:bob|s", "users:anna|s")))
  end)

  it("are told apart by their kind and tags, whatever the order of what follows", function()
    assert.same({ "counter a 1 (0.1/s)", "counter a#x:1 12 (1.2/s)", "gauge a 1" },
      (sums("a:1|c", "a:1|g", "a:1|c|#x:1|@0.1", "a:2|c|#x:1")))
  end)

  it("write no lines of their own", function()
    assert.same({ "counter a?b#?c 1 (0.1/s)" }, (sums("a\27b:1|c|#\rc")))
  end)

  it("are refused when they are none", function()
    local metrics = Metrics.new(1000)
    for _, line in ipairs { "", ":", "|", "a", "a:", "a:1", "a:1|", ":1|c", "a:|c", "a:x|c",
      "a:1|x", "a:1|C", "a:1|c|@0", "a:1|c|@-1", "a:1|c|@1.5", "a:1|c|@x", "a:nan|c",
      "a:inf|c", "a:1e999|g", "a:-1e999|ms", "a:0x10|c", "a:1.2.3|c", "a:1 |c", "a:--1|g",
      "a:1|1", ("a"):rep(Metrics.LONGEST - 3) .. ":1|c" } do
      assert.is_false(metrics:add(line), line)
    end
    assert.same({}, metrics:flush(10))
  end)

  it("keep no more than they may", function()
    local metrics = Metrics.new(10)
    for i = 1, 20 do assert.equal(i <= 10, metrics:add(i .. ":1|g")) end
    assert.is_true(metrics:add("1:2|g"))
    assert.equal(10, #metrics:flush(10))
    assert.is_false(metrics:add("new:1|c")) -- the gauges are all still there
    metrics = Metrics.new(10)
    for i = 1, 20 do
      metrics:add("timer:" .. i .. "|ms")
      metrics:add("set:" .. i .. "|s")
    end
    local timer, set = metrics:flush(10)[2]:match("count (%d+)"), metrics:flush(10)[1]
    assert.equal("4", timer)
    assert.is_nil(set)
    assert.is_true(metrics:add("timer:1|ms"))
  end)

  it("stand every truncation and mutation", function()
    math.randomseed(8125)
    local metrics, whole = Metrics.new(1000), "shop.time:-1.5e2|ms|@0.5|#shop:bern,till:1"
    for length = 0, #whole do metrics:add(whole:sub(1, length)) end
    for i = 1, 20000 do
      local bytes = { whole:byte(1, math.random(#whole)) }
      for _ = 1, math.random(0, 3) do bytes[math.random(#bytes)] = math.random(0, 255) end
      metrics:add(string.char((table.unpack or unpack)(bytes)))
      if i % 1000 == 0 then
        for _, line in ipairs(metrics:flush(10)) do assert.is_nil(line:find("%c")) end
      end
    end
  end)
end)
