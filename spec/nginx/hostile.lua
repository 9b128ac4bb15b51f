-- What spec/nginx_spec.lua adds to the example's service: a socket whose
-- listeners raise and whose handlers yield, and a request that sends.

-- What a script has kept in locals before it loads the driver.
local kept = { exit = ngx.exit, yield = coroutine.yield,
  resume = coroutine.resume, create = coroutine.create }

local dgram = require "dgram"
local driver = require "dgram.nginx"

local M = {}

local BACKLOG = 64 -- jobs that may wait

-- Reads a page of this nginx over a cosocket, which yields.
local function fetch(port)
  local tcp = ngx.socket.tcp()
  assert(tcp:connect("127.0.0.1", port))
  assert(tcp:send("GET /counters HTTP/1.0\r\n\r\n"))
  return assert(tcp:receive("*a")):match("^[^\r]*")
end

-- What a message asks for; the result is the answer. These run in the listener.
local listeners = {
  pid = function() return tostring(ngx.worker.pid()) end,
  stats = function()
    local stats = driver.stats()
    return ("errors %d, polling %s"):format(stats.errors, tostring(stats.polling))
  end,
  ["raise"] = function() error("a listener raised") end,
  ["raise a table"] = function() error({ code = "EBOOM" }) end,
  ["sleep here"] = function() ngx.sleep(0.01) end,
  ["fetch here"] = function() fetch(M.http) end,
  ["exit here"] = function() ngx.exit(0) end,
  ["yield here"] = function() coroutine.yield() end,
  ["sleep in pcall"] = function() return tostring(select(2, pcall(ngx.sleep, 0.01))) end,
  ["fetch in pcall"] = function() return tostring(pcall(fetch, M.http)) end,
  ["kept yield"] = function() return tostring(pcall(kept.yield)) end,
  ["kept resume"] = function()
    return tostring(pcall(kept.resume, kept.create(function() end)))
  end,
  ["kept exit"] = function() kept.exit(0) end,
  coroutines = function()
    local co = coroutine.create(function(a) return a + coroutine.yield(a) end)
    local _, first = coroutine.resume(co, 1)
    local _, second = coroutine.resume(co, 2)
    local each = coroutine.wrap(function() coroutine.yield("wrapped") end)
    return first .. " " .. second .. " " .. coroutine.status(co) .. " " .. each()
  end,
  early = function() return M.early end,
  dropped = function() return tostring(driver.stats().dropped) end,
  unref = function()
    M.socket:unref()
    return "unreferenced"
  end,
}

-- And these in a handler.
local handlers = {
  sleep = function() ngx.sleep(0.05) return "slept" end,
  ["sleep long"] = function() ngx.sleep(1) return "slept long" end,
  fetch = function() return fetch(M.http) end,
  ["exit later"] = function() ngx.exit(0) end,
  ["kept exit later"] = function() kept.exit(0) end,
  ["raise later"] = function() ngx.sleep(0.01) error("a handler raised") end,
}

-- Makes the sockets of this worker.
local function setup(port)
  local socket = dgram.createSocket { type = "udp4", reusePort = true }
  M.socket = socket
  local function answer(text, rinfo)
    socket:send(text, rinfo.port, rinfo.address)
  end
  local later = driver.async(function(msg, rinfo)
    answer(handlers[msg](), rinfo)
  end)
  socket:on("message", function(msg, rinfo)
    if handlers[msg] then return later(msg, rinfo) end
    answer(listeners[msg](), rinfo)
  end)
  socket:bind(port, "127.0.0.1")
end

--- Lets the example's service make these sockets too.
function M.join(ports)
  local start = driver.start
  M.http = ports.http
  function driver.start(example)
    start { backlog = BACKLOG, grace = ports.grace or 5, setup = function()
      if ports.late then ngx.sleep(ports.late) end
      require("spec.nginx.straight").set_up()
      example()
      setup(ports.hostile)
      error("setup raised at its end")
    end }
    M.early = select(2, pcall(dgram.createSocket, "udp4"))
  end
end

--- Answers a request: sends from outside the driver. The first datagram leaves
-- at once, the second in the driver's next turn.
function M.send(port)
  local socket = dgram.createSocket("udp4")
  socket:send("first", port, "127.0.0.1")
  socket:send("second", port, "127.0.0.1", function() socket:close() end)
  ngx.say("sent")
end

--- Answers a request with what createSocket says; so does a script that ends.
function M.try()
  local ok, result = pcall(dgram.createSocket, "udp4")
  if ok then result:close() end
  ngx.say(ok and "made" or result)
end

--- Answers a request: a timer of luv's, which is started outside the driver.
function M.timer()
  local uv, fired = require "luv", nil
  local timer, begin = uv.new_timer(), ngx.now()
  uv.update_time()
  timer:start(1, 0, function()
    fired = true
    timer:close()
  end)
  driver.wake()
  while not fired and ngx.now() - begin < 0.1 do ngx.sleep(0.005) end
  ngx.say(fired and "in time" or "late")
end

return M
