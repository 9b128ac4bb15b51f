-- A service that systemd starts at the first datagram: it takes the sockets it is
-- given, tells that it is ready, answers, and ends when nobody has asked for a while;
-- the next datagram starts it again, and none is lost meanwhile.
--   systemd-socket-activate --datagram -l 127.0.0.1:5007 -l /tmp/dgram_whoami_sock \
--     -E LUA_PATH -E LUA_CPATH lua5.4 examples/socket_activated.lua 10
--   echo | socat -t 2 - UDP4:127.0.0.1:5007
-- As a unit: whoami.socket has ListenDatagram=5007, whoami.service Type=notify and
-- ExecStart=/usr/bin/lua5.4 .../socket_activated.lua 60
local dgram = require "dgram"
local uv = require "luv"

local idle = assert(tonumber(arg[1] or 60), "usage: socket_activated.lua [SECONDS]") * 1000

-- What to ask the kernel for, so that `reply` answers from where a socket was asked.
local WANTED = {
  udp4 = { "localAddress", "interface" }, udp6 = { "localAddress", "interface" },
  unix_dgram = { "credentials" },
}

-- Tells the service manager of this program's state (sd_notify(3)), if there is one.
local function notify(state, done)
  local path = os.getenv "NOTIFY_SOCKET"
  if not path then return done and done() end
  local socket = dgram.createSocket("unix_dgram")
  socket:send(state, (path:gsub("^@", "\0")), function(err)
    if err then io.stderr:write("no word to systemd: " .. err.message .. "\n") end
    socket:close(done)
  end)
end

local sockets, timer = {}, uv.new_timer()

-- Ends: what came before is answered, what comes later waits for the next start.
local function stop(why)
  if timer:is_closing() then return end
  timer:close()
  notify("STOPPING=1\nSTATUS=" .. why)
  for _, socket in ipairs(sockets) do socket:close() end
end

-- Tells a sender who he is.
local function answer(socket, rinfo)
  timer:again()
  if rinfo.port == 0 or rinfo.address == "" then return end -- who has no name hears nothing
  local who = rinfo.credentials
  socket:reply(who and ("pid %d of user %d\n"):format(who.pid, who.uid)
    or ("%s port %d\n"):format(rinfo.address, rinfo.port), rinfo)
end

for _, passed in ipairs(dgram.listenFds()) do
  local wanted = WANTED[passed.type]
  if wanted then
    local socket = dgram.createSocket { fd = passed.fd, recvInfo = wanted }
    socket:on("message", function(_, rinfo) answer(socket, rinfo) end)
    sockets[#sockets + 1] = socket
  else
    print("not a socket for datagrams: " .. passed.name .. ", " .. passed.type)
  end
end

if #sockets == 0 then
  print("no sockets were passed; see the head of " .. arg[0])
  os.exit(1)
end
timer:start(idle, idle, function() stop("idle") end)
local term = uv.new_signal()
term:unref()
uv.signal_start_oneshot(term, "sigterm", function() stop("told to") end)
notify(("READY=1\nSTATUS=answers on %d sockets"):format(#sockets))
uv.run()
