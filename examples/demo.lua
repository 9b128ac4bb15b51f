-- dgram against real programs: UDP echo servers answer socat, a syslog server
-- takes messages from logger. Exits with 1 when a step fails.
--   make demo      or      lua5.4 examples/demo.lua
local dgram = require "dgram"
local uv = require "luv"

io.stdout:setvbuf("line")

local failed, interrupted = 0, false
local children, sockets = {}, {}
local directory = assert(uv.fs_mkdtemp("/tmp/dgram-demo-XXXXXX"))

-- Prints one line: who, and what it did.
local function say(who, ...)
  print(("  %-8s %s"):format(who, (...):format(select(2, ...))))
end

-- Prints whether a step succeeded.
local function check(ok, what)
  if not ok then failed = failed + 1 end
  print(("  %-8s %s\n"):format(ok and "ok" or "FAILED", what))
end

-- Turns the loop until `done()` or for five seconds; returns whether it is done.
local function wait(done)
  local late = false
  local timer = uv.new_timer()
  timer:start(5000, 0, function() late = true end)
  while not (done() or late or interrupted) do uv.run("once") end
  timer:close()
  if interrupted then error("interrupted", 0) end
  return not late
end

-- Starts a program, gives it `input`, and hands its output to `on_output`.
local function run(command, args, input, on_output)
  local stdin, stdout = uv.new_pipe(false), uv.new_pipe(false)
  local child = { pipes = { stdin, stdout } }
  local options = { args = args, stdio = { stdin, stdout, 2 } }
  local process, err = uv.spawn(command, options, function(status)
    child.status = status
  end)
  child.process = process or error(command .. ": " .. err, 0)
  children[#children + 1] = child
  stdout:read_start(function(_, chunk) if chunk then on_output(chunk) end end)
  if input then stdin:write(input) end
  return child
end

-- Ends a program unless it has ended by itself; closes what belongs to it.
local function finish(child)
  if not child.status then child.process:kill("sigterm") end
  wait(function() return child.status end)
  child.process:close()
  for _, pipe in ipairs(child.pipes) do pipe:close() end
end

-- Opens a socket and waits until it listens; returns nil and the error if not.
local function listen(type, listener, ...)
  local socket, listening, failure = dgram.createSocket(type, listener), false, nil
  socket:on("listening", function() listening = true end)
  socket:on("error", function(err) failure = err end)
  socket:bind(...)
  wait(function() return listening or failure end)
  if failure then return nil, failure end
  sockets[#sockets + 1] = socket
  return socket
end

-- Closes a socket and waits for its 'close'.
local function close(socket)
  local closed = false
  socket:close(function() closed = true end)
  wait(function() return closed end)
end

local no_ipv6 = { EADDRNOTAVAIL = true, EAFNOSUPPORT = true }

-- An echo server in Lua, socat as its client.
local function udp_echo(type, host, destination)
  print("UDP echo, " .. type .. ": the server is ours, the client is socat")
  local server, err
  server, err = listen(type, function(msg, rinfo)
    say("server", "got %q from %s port %d, sends it back", msg, rinfo.address, rinfo.port)
    if rinfo.port > 0 then server:reply(msg, rinfo) end -- 0 has no answer
  end, 0, host)
  if not server and type == "udp6" and no_ipv6[err.code] then
    return say("SKIPPED", "this machine has no IPv6 (%s)\n", err.message)
  elseif not server then
    return check(false, tostring(err))
  end

  local address = server:address()
  say("server", "listens on %s port %d", address.address, address.port)
  local message, answer = "hello over " .. type, ""
  local target = destination .. ":" .. address.port
  say("socat", "sends %q to %s", message, target)
  local socat = run("socat", { "-", target }, message, function(text)
    answer = answer .. text
    say("socat", "got %q", text)
  end)
  wait(function() return #answer >= #message or socat.status end)
  check(answer == message, "the answer is what was sent")
end

local facilities = {
  [0] = "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp",
  "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1",
  "local2", "local3", "local4", "local5", "local6", "local7",
}
local severities = {
  [0] = "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
}

-- Splits "<19>Nov 21 06:42:08 tag: text" into "mail.err", the tag and the text.
local function parse(datagram)
  local number, rest = datagram:match("^<(%d+)>(.*)$")
  if not number then return nil end
  local facility = facilities[math.floor(number / 8)]
  local tag, text = rest:match("^%a+ +%d+ %d+:%d+:%d+ (.-): (.*)$")
  return facility .. "." .. severities[number % 8], tag, text
end

-- What logger is told to send: priority and text.
local messages = {
  { "user.notice", "the door is open" },
  { "mail.err", "no route to the post office" },
  { "auth.warning", "third wrong password" },
  { "daemon.info", "started" },
  { "local3.debug", "x = 42" },
  { "cron.crit", "the clock has stopped at 41 °C" },
}

-- A syslog server in Lua on a unix domain socket, util-linux's logger as client.
local function syslog()
  print("syslog over unix_dgram: the server is ours, the client is logger")
  local path, received = directory .. "/log", {}
  local server, err = listen("unix_dgram", function(datagram)
    local priority, tag, text = parse(datagram)
    received[#received + 1] = { priority, text }
    say("server", "%-13s %s: %s", priority, tag, text)
  end, path)
  if not server then
    return check(false, tostring(err))
  end

  say("server", "listens on %s", server:address().address)
  local sent = true
  for i, message in ipairs(messages) do
    local logger = run("logger", { "--socket", path, "--socket-errors=on", "--tag",
      "demo", "--priority", message[1], message[2] }, nil, print)
    wait(function() return logger.status and received[i] end)
    local got = received[i] or {}
    sent = sent and got[1] == message[1] and got[2] == message[2]
  end
  check(sent, #received .. " messages, each with the priority and text it was sent with")

  close(table.remove(sockets))
  check(not uv.fs_stat(path), "the socket's file is gone after close()")
end

-- Ends every program and socket, removes the directory.
local function clean_up()
  for _, child in ipairs(children) do finish(child) end
  for _, socket in ipairs(sockets) do close(socket) end
  os.remove(directory .. "/log")
  uv.fs_rmdir(directory)
end

-- Calls `step`; an error in it is a failed check.
local function try(step)
  local ok, err = pcall(step)
  interrupted = false
  if not ok then check(false, tostring(err)) end
end

local interrupt = uv.new_signal()
interrupt:start("sigint", function() interrupted = true end)

try(function()
  udp_echo("udp4", "127.0.0.1", "UDP4:127.0.0.1")
  udp_echo("udp6", "::1", "UDP6:[::1]")
  syslog()
end)
try(clean_up)

print(failed == 0 and "everything works" or failed .. " failed")
os.exit(failed == 0 and 0 or 1)
