-- Requests of spec/nginx_spec.lua that wait in straight lines; each returns what
-- it answers with.
local dgram = require "dgram"
local driver = require "dgram.nginx"
local inside = require "spec.support.inside"

local M, calls = {}, {}

local shared -- a socket that requests share

-- A socket bound to loopback, and its port.
local function bound()
  local socket = dgram.createSocket("udp4")
  return socket, socket:bindSync({ address = "127.0.0.1" }).port
end

-- Sends to itself and receives, sleeps, awaits, hears events; closes.
local function round()
  local socket, port = bound()
  socket:send("hello", port, "127.0.0.1")
  local msg = socket:receive(1000)
  local _, err = socket:receive(5)
  dgram.sleep(2)
  local _, bytes = dgram.await(socket.send, socket, "four", port, "127.0.0.1")
  local event = dgram.once(socket, "message", { timeout = 1000 })
  local list = {}
  socket:sendMany({ "a", "b" }, port, "127.0.0.1")
  for each in dgram.on(socket, "message") do
    list[#list + 1] = each
    if each == "b" then socket:close() end
  end
  return table.concat({ msg, err.code, bytes, event, table.concat(list) }, " ")
end

calls.content = round
calls.rewrite = function() return M.rewritten end

function calls.timer()
  local result
  ngx.timer.at(0, function() result = round() end)
  while not result do ngx.sleep(0.005) end
  return result
end

function calls.async()
  local result, come
  dgram.async(function(a, b, c, d, e)
    result = round()
    come = a + b + c + d + e
  end)(1, 2, 3, 4, 5)
  while not come do dgram.sleep(1) end
  return result .. " " .. come
end

-- A thousand light threads wait for one socket.
calls["a thousand"] = function()
  local socket, port = bound()
  local threads, sum = {}, 0
  for i = 1, 1000 do
    threads[i] = ngx.thread.spawn(function() return socket:receive(10000) end)
  end
  for i = 1, 1000 do
    socket:send(tostring(i), port, "127.0.0.1")
    if i % 50 == 0 then dgram.sleep(1) end
  end
  for i = 1, 1000 do
    local _, msg = ngx.thread.wait(threads[i])
    sum = sum + tonumber(msg)
  end
  socket:close()
  return tostring(sum)
end

-- What a listener, setup and dgram.run are told.
function calls.refused()
  local socket, port = bound()
  local said
  socket:on("message", function() said = select(2, pcall(dgram.sleep, 1)) end)
  socket:send("x", port, "127.0.0.1")
  while not said do ngx.sleep(0.005) end
  socket:close()
  local _, run = pcall(dgram.run, function() end)
  return table.concat({ said.code, said.message, M.setup.message, M.header.message,
    run.code }, "\n")
end

-- Leaves sockets open, one of which may outlive the request; raises.
function calls.leak()
  local a, port = bound()
  local b, kept_port = bound()
  driver.keep(b)
  ngx.say(port, " ", kept_port)
  ngx.flush(true)
  a:receive(1)
  error("a request raised")
end

-- Waits for the shared socket; says so beforehand.
function calls.share()
  if not shared then
    shared = driver.keep((bound()))
    shared:receive(0)
  end
  ngx.say(shared:address().port)
  ngx.flush(true)
  return (shared:receive(3000))
end

-- Waits for an event of a socket that requests share, which comes when another asks.
function calls.once()
  local emitter = driver.keep((bound()))
  M.emitter, M.gone = emitter, false
  assert(ngx.on_abort(function()
    M.gone = true
    ngx.exit(499)
  end))
  ngx.say("waits")
  ngx.flush(true)
  return (dgram.once(emitter, "x", { timeout = 60000 }))
end

-- Emits that when its client has gone and others have waited; tells how many listen.
function calls.emit()
  while not M.gone do dgram.sleep(1) end
  for _ = 1, 20 do ngx.thread.wait(ngx.thread.spawn(function() dgram.sleep(0) end)) end
  M.emitter:emit("x", "late")
  return tostring(M.emitter:listenerCount("x") + M.emitter:listenerCount("error"))
end

local silent -- a socket that requests share, and that nobody writes to

-- Waits without end, in each of the ways there are.
local endless = {
  receive = function() silent:receive() end,
  once = function() dgram.once(silent, "x") end,
  on = function()
    for msg in dgram.on(silent, "message") do ngx.say(msg) end
  end,
  sleep = function() dgram.sleep(2 ^ 31 - 1) end,
}

-- Says so, and waits without end.
function calls.endless()
  silent = silent or driver.keep((bound()))
  ngx.say("waits")
  ngx.flush(true)
  endless[ngx.var.arg_way]()
end

-- Tells how much waits for that socket: coroutines, timers, listeners.
function calls.left()
  local waiting, timers = inside.waiting(silent)
  return table.concat({ waiting, timers, silent:listenerCount("message"),
    silent:listenerCount("x"), silent:listenerCount("error"),
    silent:listenerCount("close") }, " ")
end

--- What the setup of the driver does.
function M.set_up() M.setup = select(2, pcall(dgram.sleep, 1)) end

--- Serves a request, in its phase.
function M.rewrite() M.rewritten = round() end

function M.filter() M.header = select(2, pcall(dgram.sleep, 1)) end

function M.content() ngx.say(calls[ngx.unescape_uri(ngx.var.arg_call)]()) end

return M
