-- The driver in a real nginx: examples/openresty in a directory of its own, on
-- ports of its own, with the sockets of spec/nginx/hostile.lua beside it.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local uv = require "luv"

local LOOPBACK = "127.0.0.1"
local unpack = table.unpack or unpack -- luacheck: ignore

-- The nginx that has ngx_lua: the program, and the directory of the module, nil
-- when it is built in.
local function find_nginx()
  for _, program in ipairs { "openresty", "nginx", "/usr/sbin/nginx" } do
    local text = host.has(program) and host.output(program .. " -V") or ""
    if text:find("ngx_lua", 1, true) or text:find("lua-nginx-module", 1, true) then
      return program
    end
    local folder = text:match("%-%-modules%-path=(%S+)")
      or (text:match("%-%-prefix=(%S+)") or "") .. "/modules"
    if uv.fs_stat(folder .. "/ngx_http_lua_module.so") then return program, folder end
  end
end

local program, modules = find_nginx()

-- The example's nginx.conf with our paths and ports, and the hostile service.
local function configuration(nginx)
  local text, root = helper.read("examples/openresty/nginx.conf"), uv.cwd()
  local paths = ([[lua_package_path
    "$prefix/?.lua;ROOT/examples/openresty/?.lua;ROOT/lua/?.lua;ROOT/?.lua;;";
    lua_package_cpath "CORE;;";]]):gsub("ROOT", root):gsub("CORE", nginx.core)
  text = text:gsub("load_module ([^\n]*/)", modules and "load_module " .. modules .. "/"
    or "# %0")
  text = text:gsub("lua_package_path[^\n]*", (paths:gsub("%%", "%%%%")))
  text = text:gsub("8125", nginx.statsd):gsub("7007", nginx.echo)
  text = text:gsub("8080", nginx.http)
  text = text:gsub("init_worker_by_lua_block {", ([[%%0
    require("spec.nginx.hostile").join { hostile = %d, http = %d }]]):format(
      nginx.hostile, nginx.http))
  if os.getenv "DGRAM_NGINX_TRACE" then -- see spec/coverage/run
    text = "env DGRAM_COVERAGE;\nenv DGRAM_ROOT;\n" .. text:gsub("init_worker_by_lua_block",
      ([[init_by_lua_block {
        jit.off() -- what is compiled calls no hooks
        package.loadlib("%s", "luaopen_trace")()
      }

      %%0]]):format(os.getenv "DGRAM_NGINX_TRACE"))
  end
  return text:gsub("location = /counters", [[location = /send {
      content_by_lua_block {
        require("spec.nginx.hostile").send(tonumber(ngx.var.arg_port))
      }
    }

    location = /try {
      content_by_lua_block { require("spec.nginx.hostile").try() }
    }

    location = /straight {
      lua_http10_buffering off;
      lua_check_client_abort on;
      rewrite_by_lua_block { require("spec.nginx.straight").rewrite() }
      header_filter_by_lua_block { require("spec.nginx.straight").filter() }
      content_by_lua_block { require("spec.nginx.straight").content() }
    }

    location = /timer {
      content_by_lua_block { require("spec.nginx.hostile").timer() }
    }

    %0]])
end

local Nginx = {}
Nginx.__index = Nginx

local prefixes = {} -- the directories made in a test

-- Removes the directories of a test.
local function clear_up()
  for _, prefix in ipairs(prefixes) do host.output("rm -r " .. prefix) end
  prefixes = {}
end

-- Writes the directory that nginx runs in.
local function lay_out(self, change)
  assert(uv.fs_mkdir(self.prefix, 448))
  prefixes[#prefixes + 1] = self.prefix
  assert(uv.fs_mkdir(self.prefix .. "/logs", 448))
  helper.write(change(configuration(self)), self.prefix .. "/nginx.conf")
end

-- Sends a message to the hostile socket until it is answered.
local function await_driver(self)
  local socket, answered = dgram.createSocket("udp4"), false
  socket:on("message", function() answered = true end)
  local timer = uv.new_timer()
  timer:start(0, 20, function() socket:send("pid", self.hostile) end)
  helper.wait(function() return answered or self.child.status end)
  helper.close(timer, socket)
  assert(answered, "nginx has ended")
end

-- Starts nginx; `change` may alter its configuration.
local function start(change)
  local self = setmetatable({
    prefix = helper.path(), core = host.core_path("luajit", "lua5.1"), statsd = host.free_port(),
    echo = host.free_port(), http = host.free_port(), hostile = host.free_port(),
  }, Nginx)
  lay_out(self, change or function(text) return text end)
  local user = uv.getuid() == 0 and " user root;" or ""
  self.child = Child.start(program, "-e", "stderr", "-p", self.prefix, "-c",
    "nginx.conf", "-g", "daemon off;" .. user)
  await_driver(self)
  return self
end

-- What nginx has logged so far.
function Nginx:log()
  return helper.read(self.prefix .. "/logs/error.log")
end

-- Signals nginx and returns the milliseconds until it has ended.
function Nginx:quit(signal)
  local begin = uv.hrtime()
  self.child.process:kill(signal)
  assert.are.equal(0, self.child:wait())
  local milliseconds = (uv.hrtime() - begin) / 1e6
  assert.is_nil(self:log():find("exited on signal", 1, true))
  return milliseconds
end

-- Requests a page; returns its body and the milliseconds it took.
function Nginx:get(path)
  local tcp, begin, text, ended = uv.new_tcp(), uv.hrtime(), "", false
  tcp:connect(LOOPBACK, self.http, function(err)
    if err then ended = true return end
    tcp:write("GET " .. path .. " HTTP/1.0\r\n\r\n")
    tcp:read_start(function(_, chunk)
      text, ended = text .. (chunk or ""), not chunk
    end)
  end)
  helper.wait(function() return ended end)
  tcp:close()
  return text:match("\r\n\r\n(.*)$"), (uv.hrtime() - begin) / 1e6
end

-- Waits for what shows from outside only, 5 seconds at most: a file, an answer.
local function eventually(condition, seconds)
  local last = uv.hrtime() + (seconds or 5) * 1e9
  while not condition() do
    assert(uv.hrtime() < last, "it did not happen")
    helper.pass(10)
  end
end

-- Waits until the log has a text.
function Nginx:logs(text)
  eventually(function() return self:log():find(text, 1, true) end, 10)
end

-- The value of a counter, 0 when it is not there.
function Nginx:counter(name)
  return tonumber(self:get("/counters"):match(name .. " (%d+)")) or 0
end

-- Sends a message from a socket of its own; returns the answer.
function Nginx:ask(msg, port)
  local socket, answer = dgram.createSocket("udp4"), nil
  socket:on("message", function(text) answer = text end)
  socket:send(msg, port or self.hostile)
  helper.wait(function() return answer end)
  socket:close()
  return answer
end

-- The process ids of both workers, in order.
function Nginx:workers()
  local found, list = {}, {}
  while #list < 2 do
    local pid = self:ask("pid")
    if not found[pid] then
      found[pid] = true
      list[#list + 1] = pid
    end
  end
  table.sort(list)
  return list
end

-- Sends "load:1|c" for some milliseconds, one or more in each; returns a
-- function that tells how many, once the kernel took them all.
local function load_on(nginx, milliseconds)
  local sent, over = 0, false
  local timer, stop, sockets = uv.new_timer(), uv.now() + milliseconds, {}
  for i = 1, 16 do
    sockets[i] = dgram.createSocket("udp4")
    sockets[i]:bind(0, LOOPBACK)
  end
  local function close()
    timer:close()
    for _, socket in ipairs(sockets) do socket:close() end
    over = true
  end
  timer:start(1, 1, function()
    if uv.now() > stop then return close() end
    sent = sent + 1
    sockets[sent % 16 + 1]:send("load:1|c", nginx.statsd, LOOPBACK)
  end)
  return function() return over and sent end
end

-- The median of the milliseconds that requests take.
local function median_latency(nginx, requests)
  local times = {}
  for i = 1, requests do times[i] = select(2, nginx:get("/counters")) end
  table.sort(times)
  return times[math.ceil(requests / 2)]
end

-- Milliseconds of processor time that a process has used.
local function cpu_time(pid)
  local user, system = helper.read("/proc/" .. pid .. "/stat"):match(
    "%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
  return (user + system) * 10
end

-- Why this cannot be tested here, nil when it can.
local function missing()
  if not program then return "nginx with ngx_lua is not installed" end
  return not host.core_path("luajit", "lua5.1") and "no headers of LuaJIT or Lua 5.1" or nil
end

describe("nginx", function()
  local reason = missing()

  after_each(clear_up)

  -- Changes the configuration to that of a single worker.
  local function one_worker(text)
    return text:gsub("worker_processes 2", "worker_processes 1")
  end

  -- A spec with an nginx that has ended when it is over.
  local function it_runs(what, change, test)
    it(what, function()
      if reason then pending(reason) end
      helper.run(function()
        local nginx = start(change)
        test(nginx)
        if nginx.child.status == nil then nginx:quit("sigquit") end
      end, 30)
    end)
  end

  it_runs("counts datagrams in two workers and serves the sums", nil,
    function(nginx)
      local sent = load_on(nginx, 100)
      helper.wait(sent)
      eventually(function() return nginx:counter("load") >= sent() end)
      assert.are.equal(sent(), nginx:counter("load"))
      assert.are.equal(2, #nginx:workers())
      assert.are.equal("errors 1, polling false", nginx:ask("stats"))
    end)

  it_runs("handlers may yield: sleep, and read over a cosocket", nil,
    function(nginx)
      assert.are.equal("echo\0me", nginx:ask("echo\0me", nginx.echo))
      assert.are.equal("slept", nginx:ask("sleep"))
      assert.are.equal("HTTP/1.1 200 OK", nginx:ask("fetch"))
    end)

  it_runs("jobs beyond the backlog are dropped and counted", nil, function(nginx)
    local socket, answers, COUNT = dgram.createSocket("udp4"), 0, 300
    socket:on("message", function(msg) answers = answers + (msg == "slept" and 1 or 0) end)
    local list, dropped = {}, nil
    for each = 1, COUNT do list[each] = "sleep" end
    socket:on("message", function(msg) dropped = tonumber(msg) or dropped end)
    socket:sendMany(list, nginx.hostile)
    socket:send("dropped", nginx.hostile)
    helper.wait(function() return dropped end)
    assert.is_true(dropped > 0 and dropped < COUNT, dropped .. " were dropped")
    helper.wait(function() return answers == COUNT - dropped end)
    socket:close()
    eventually(function()
      local logged = 0
      for number in nginx:log():gmatch("dropped (%d+) jobs: the backlog is 64") do
        logged = logged + number
      end
      return logged == dropped
    end)
  end)

  it_runs("jobs that are discarded at the end leave a line in the log", function(text)
      return one_worker(text):gsub("{ hostile =", "{ grace = 0.2, hostile =")
    end, function(nginx)
      local socket, list = dgram.createSocket("udp4"), {}
      for each = 1, 20 do list[each] = "sleep long" end
      socket:sendMany(list, nginx.hostile)
      nginx:ask("pid")
      nginx:quit("sigquit")
      socket:close()
      assert.is_truthy(nginx:log():find("discarded 20 jobs at the end, 16 of them running", 1,
        true))
    end)

  it_runs("refuses sockets that are made before the driver runs", nil,
    function(nginx)
      assert.are.equal("dgram.nginx: make sockets in the function given to start()",
        nginx:ask("early"))
    end)

  it_runs("refuses an option that there is not", function(text)
    return text:gsub("init_worker_by_lua_block {", [[%0
      print(select(2, pcall(require("dgram.nginx").start, { handler = 1 })).message)
    ]]):gsub("error.log warn", "error.log notice")
  end, function(nginx)
    nginx:logs("The property 'options.handler' is unknown. Did you mean 'handlers'?")
  end)

  it_runs("refuses sockets in init_by_lua, and where no driver runs", function(text)
    return text:gsub("init_worker_by_lua_block {", [[init_by_lua_block {
      print(select(2, pcall(require("dgram").createSocket, "udp4")))
    }
    %0]]):gsub("error.log warn", "error.log notice"):gsub("location = /try", [[
    location = /uncached {
      lua_code_cache off;
      content_by_lua_block { ngx.say(select(2, pcall(require("dgram").createSocket, "udp4"))) }
    }

    %0]])
  end, function(nginx)
    nginx:logs("no sockets in init_by_lua, which runs before there are workers: make them "
      .. "in the function given to start(), in init_worker_by_lua")
    assert.are.equal("made\n", (nginx:get("/try")))
    assert.are.equal("dgram.nginx: no driver runs here: call require('dgram.nginx').start() "
      .. "in init_worker_by_lua, with lua_code_cache on\n", (nginx:get("/uncached")))
  end)

  it_runs("starts in a timer, as in resty", function(text)
    return text:gsub("init_worker_by_lua_block {(.-)\n  }",
      "init_worker_by_lua_block { ngx.timer.at(0, function()%1 end) }")
  end, function(nginx)
    assert.are.equal("echo", nginx:ask("echo", nginx.echo))
    assert.are.equal("slept", nginx:ask("sleep"))
  end)

  it_runs("wake() ends the driver's wait for what was started elsewhere", nil,
    function(nginx)
      nginx:workers()
      for _ = 1, 5 do assert.are.equal("in time\n", (nginx:get("/timer"))) end
    end)

  it_runs("an error in a listener or handler is logged and kills nobody", nil,
    function(nginx)
      local workers, socket = nginx:workers(), dgram.createSocket("udp4")
      for _, msg in ipairs { "raise", "raise a table", "raise later" } do
        socket:send(msg, nginx.hostile)
      end
      socket:close()
      for _, text in ipairs { "a listener raised", "a handler raised",
        "setup raised at its end" } do
        eventually(function() return nginx:log():find(text, 1, true) end)
      end
      assert.are.same(workers, nginx:workers())
    end)

  it_runs("a listener that tries to yield is logged and kills nobody", nil,
    function(nginx)
      local workers, socket = nginx:workers(), dgram.createSocket("udp4")
      for _ = 1, 3 do
        socket:send("sleep here", nginx.hostile)
        socket:send("fetch here", nginx.hostile)
      end
      socket:close()
      local hint = "a listener must not yield"
      eventually(function()
        return select(2, nginx:log():gsub(hint, "")) == 6
      end)
      assert.are.equal("slept", nginx:ask("sleep"))
      assert.are.same(workers, nginx:workers())
    end)

  local YIELDS = { "exit here", "yield here", "sleep in pcall", "fetch in pcall",
    "kept yield", "kept resume" }
  for _, what in ipairs(YIELDS) do
    it_runs(("%q in a listener kills nobody"):format(what), nil, function(nginx)
      local workers, socket = nginx:workers(), dgram.createSocket("udp4")
      for _ = 1, 20 do
        socket:send(what, nginx.hostile)
        nginx:ask("sleep")
      end
      socket:close()
      assert.are.same(workers, nginx:workers())
    end)
  end

  it_runs("ngx.sleep and ngx.exit say what a listener does instead", nil, function(nginx)
    assert.are.equal("a listener must not yield: wrap it in dgram.nginx's async(); sleep",
      nginx:ask("sleep in pcall"))
  end)

  it_runs("ngx.exit in handlers ends none", one_worker, function(nginx)
    local socket = dgram.createSocket("udp4")
    for _ = 1, 20 do socket:send("exit later", nginx.hostile) end
    assert.are.equal("slept", nginx:ask("sleep"))
    socket:close()
    nginx:logs("ngx.exit would end a light thread of dgram.nginx: return")
  end)

  it_runs("handlers that have ended are replaced", one_worker, function(nginx)
    local pid, socket = nginx:ask("pid"), dgram.createSocket("udp4")
    local sent, EXITS = 0, 17
    for _ = 1, EXITS do
      socket:send("kept exit later", nginx.hostile, function() sent = sent + 1 end)
    end
    helper.wait(function() return sent == EXITS end)
    assert.are.equal("slept", nginx:ask("sleep"))
    socket:close()
    assert.are.equal(pid, nginx:ask("pid"))
  end)

  it_runs("a worker whose driver has ended is replaced", function(text)
    return text:gsub("error.log warn", "error.log notice")
  end, function(nginx)
    local workers, socket = nginx:workers(), dgram.createSocket("udp4")
    socket:send("kept exit", nginx.hostile)
    nginx:logs("the driver's light thread has ended")
    nginx:logs("exited with code 0")
    socket:close()
    local others = table.concat(nginx:workers(), " ")
    local first, second = others:find(workers[1], 1, true), others:find(workers[2], 1, true)
    assert.is_true((first == nil) ~= (second == nil))
  end)

  it_runs("a listener has coroutines of its own", nil, function(nginx)
    for _ = 1, 3 do
      assert.are.equal("1 3 dead wrapped", nginx:ask("coroutines"))
    end
  end)

  it_runs("a socket of a request is served at once", nil, function(nginx)
    local socket, inbox = helper.bound("udp4")
    local begin = uv.hrtime()
    for i = 1, 5 do
      assert.are.equal("sent\n",
        (nginx:get("/send?port=" .. socket:address().port)))
      helper.fill(inbox, 2 * i)
      assert.are.equal("second", inbox[2 * i].msg)
    end
    local milliseconds = (uv.hrtime() - begin) / 1e6
    assert.is_true(milliseconds < 5 * 125, milliseconds .. " ms for five")
    socket:close()
  end)

  -- Errors unless every worker rests.
  local function assert_idle(workers)
    local before = {}
    for i, pid in ipairs(workers) do before[i] = cpu_time(pid) end
    helper.pass(2000)
    for i, pid in ipairs(workers) do
      local spent = cpu_time(pid) - before[i]
      assert.is_true(spent < 20, spent .. " ms of 2000")
    end
  end

  it_runs("an idle worker uses under 1 % of a processor", nil, function(nginx)
    assert_idle(nginx:workers())
  end)

  it_runs("a worker with unreferenced sockets alone rests, and serves them",
    function(text)
      return one_worker(text):gsub('require%("counters"%)%.start {[^}]*}',
        'require("dgram.nginx").start(function() end)')
    end, function(nginx)
      assert.are.equal("unreferenced", nginx:ask("unref"))
      assert_idle { nginx:ask("pid") }
      assert.are.equal("slept", nginx:ask("sleep"))
    end)

  it_runs("requests are as fast under a load of datagrams", nil, function(nginx)
    local idle = median_latency(nginx, 50)
    local sent = load_on(nginx, 1000)
    local loaded = median_latency(nginx, 50)
    assert.is_false(sent())
    helper.wait(sent)
    assert.is_true(loaded < 3 * idle + 3, ("%.1f ms, idle %.1f"):format(loaded, idle))
  end)

  -- Reloads while datagrams come, and counts them.
  local function reload_under_load(nginx)
    local workers, sent = nginx:workers(), load_on(nginx, 1500)
    eventually(function() return nginx:counter("load") > 100 end)
    nginx.child.process:kill("sighup")
    helper.wait(sent)
    eventually(function() return nginx:counter("load") >= sent() end)
    assert.are.equal(sent(), nginx:counter("load"))
    for _, pid in ipairs(nginx:workers()) do
      assert.is_true(pid ~= workers[1] and pid ~= workers[2])
    end
  end

  it_runs("a reload under load loses nothing", nil, reload_under_load)

  it_runs("nor when the next workers bind late", function(text)
    return text:gsub("{ hostile =", "{ late = 0.2, hostile =")
  end, reload_under_load)

  it_runs("twenty reloads under load lose no answer of a handler", nil, function(nginx)
    local sent, answers, reloads = 0, 0, 0
    local timer, sockets = uv.new_timer(), {}
    for i = 1, 16 do
      sockets[i] = dgram.createSocket("udp4")
      sockets[i]:on("message", function() answers = answers + 1 end)
    end
    timer:start(1, 4, function()
      sent = sent + 1
      sockets[sent % 16 + 1]:send("sleep", nginx.hostile)
      if sent % 30 > 0 then return end
      reloads = reloads + 1
      nginx.child.process:kill("sighup")
      if reloads == 20 then timer:close() end
    end)
    helper.wait(function() return reloads == 20 end, 15)
    eventually(function() return answers == sent end, 10)
    helper.close(unpack(sockets))
  end)

  -- Adds the page's request to the configuration.
  local function with_request(text)
    local request = helper.read("docs/embedding.md"):match("```nginx\n(location.-)```")
    return text:gsub("location = /counters", function(found) return request .. found end)
  end

  -- Waits until the socket with this port is closed.
  local function await_closed(port, seconds)
    eventually(function()
      local socket = dgram.createSocket("udp4")
      local free = pcall(socket.bindSync, socket, { port = port })
      socket:close()
      return free
    end, seconds)
  end

  it_runs("the request of docs/embedding.md asks, and closes its socket", with_request,
    function(nginx)
      local socket = helper.bound("udp4")
      local asked
      socket:on("message", function(_, rinfo)
        asked = rinfo.port
        socket:send("an answer", rinfo.port, rinfo.address)
      end)
      assert.are.equal("an answer\n", (nginx:get("/ask?port=" .. socket:address().port)))
      await_closed(asked)
      socket:close()
      nginx:get("/ask?port=none")
      nginx:logs("Port should be > 0 and < 65536")
      assert.is_nil(nginx:log():find("unknown reason", 1, true))
    end)

  it_runs("the request of docs/embedding.md closes its socket when its client goes",
    with_request, function(nginx)
      local socket, tcp, asked = helper.bound("udp4"), uv.new_tcp(), nil
      socket:on("message", function(_, rinfo)
        asked = rinfo.port
        tcp:close()
      end)
      tcp:connect(LOOPBACK, nginx.http, function()
        tcp:write("GET /ask?port=" .. socket:address().port .. " HTTP/1.0\r\n\r\n")
      end)
      helper.wait(function() return asked end)
      local begin = uv.hrtime()
      await_closed(asked)
      assert.is_true((uv.hrtime() - begin) / 1e9 < 1)
      socket:close()
    end)

  local ROUND = "hello ETIMEDOUT 4 four ab"

  -- What the request of spec/nginx/straight.lua answers.
  local function straight(nginx, call)
    return nginx:get("/straight?call=" .. call:gsub(" ", "%%20"))
  end

  for name, answer in pairs { content = ROUND, rewrite = ROUND, timer = ROUND,
    async = ROUND .. " 15", ["a thousand"] = "500500" } do
    it_runs("in straight lines: " .. name, one_worker, function(nginx)
      assert.are.equal(answer .. "\n", (straight(nginx, name)))
    end)
  end

  it_runs("says where nothing can wait", one_worker, function(nginx)
    straight(nginx, "content")
    assert.are.equal(table.concat({ "ERR_NOT_IN_COROUTINE",
      "a listener must not yield: wrap it in dgram.nginx's async()",
      "setup() cannot wait: call what dgram.async(fn) returns",
      "nothing can wait in the phase header_filter", "ENOTSUP" }, "\n") .. "\n",
      (straight(nginx, "refused")))
  end)

  it_runs("closes what a request that raised has left open, but what is kept", one_worker,
    function(nginx)
      local leaked, kept = straight(nginx, "leak"):match("^(%d+) (%d+)")
      await_closed(tonumber(leaked), 20)
      nginx:logs("closed 1 sockets that requests had left open")
      local socket = dgram.createSocket("udp4")
      assert.is_false(pcall(socket.bindSync, socket,
        { address = LOOPBACK, port = tonumber(kept) }))
      socket:close()
    end)

  -- Begins a request that says something and waits; returns the connection, and its
  -- body so far.
  local function begin(nginx, call)
    local tcp, reply = uv.new_tcp(), { text = "" }
    tcp:connect(LOOPBACK, nginx.http, function()
      tcp:write("GET /straight?call=" .. call .. " HTTP/1.0\r\n\r\n")
      tcp:read_start(function(_, chunk) reply.text = reply.text .. (chunk or "") end)
    end)
    helper.wait(function() return reply.text:find("\r\n\r\n%w+\n") end)
    return tcp, reply
  end

  it_runs("ends the wait for an event when the client has gone", one_worker, function(nginx)
    for _ = 1, 5 do
      begin(nginx, "once"):close()
      assert.equal("0\n", (straight(nginx, "emit")))
    end
    assert.is_nil(nginx:log():find("runtime error", 1, true))
  end)

  for _, way in ipairs { "receive", "once", "on", "sleep" } do
    it_runs("forgets the endless wait of a request whose client has gone: " .. way,
      one_worker, function(nginx)
        for _ = 1, 20 do begin(nginx, "endless&way=" .. way):close() end
        assert.not_equal("0 0 0 0 0 0\n", (straight(nginx, "left")))
        eventually(function()
          return straight(nginx, "left") == "0 0 0 0 0 0\n"
        end, 15)
        assert.is_nil(nginx:log():find("runtime error", 1, true))
      end)
  end

  it_runs("gives a datagram to the next when the first client has gone", one_worker,
    function(nginx)
      begin(nginx, "share"):close()
      local second, reply = begin(nginx, "share")
      local sender = dgram.createSocket("udp4")
      sender:send("for the second", tonumber(reply.text:match("(%d+)\n$")), LOOPBACK)
      helper.wait(function() return reply.text:find("for the second\n", 1, true) end)
      helper.close(second, sender)
    end)

  for _, signal in ipairs { "sigquit", "sigterm" } do
    it_runs(signal .. " ends it within a second", nil, function(nginx)
      nginx:ask("sleep")
      local milliseconds = nginx:quit(signal)
      assert.is_true(milliseconds < 1000, milliseconds .. " ms")
    end)
  end

  it_runs("polls when there is no thread pool, and says so", function(text)
    return text:gsub("thread_pool [^\n]*", "")
  end, function(nginx)
    assert.are.equal("echo", nginx:ask("echo", nginx.echo))
    assert.are.equal("errors 1, polling true", nginx:ask("stats"))
    assert.is_truthy(nginx:log():find("add `thread_pool dgram threads=1;`", 1, true))
  end)

  it_runs("suggests no thread pool where ngx_lua has no threads", function(text)
    return text:gsub("init_worker_by_lua_block {", "%0 ngx.run_worker_thread = nil")
  end, function(nginx)
    assert.are.equal("errors 1, polling true", nginx:ask("stats"))
    nginx:logs("this ngx_lua has no ngx.run_worker_thread; looking for datagrams every 5 ms,")
  end)
end)
