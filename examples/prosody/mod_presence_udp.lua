-- Prosody tells over UDP who comes and who goes: "juliet@localhost online" goes to
-- REPORT_PORT of loopback; a datagram "who" to WHO_PORT is answered with those who are here.
-- A module of a host: modules_enabled = { "presence_udp" }.
local poll_loop = require "dgram.loop.poll"
local dgram = require "dgram"
local server = require "net.server"
local timer = require "util.timer"

-- Prosody watches the descriptor of our loop, and its time, and turns it.
local loop, watched, alarm, set_alarm

local function turn()
  local ok, err = pcall(loop.run, "nowait")
  if not ok then module:log("error", "%s", err) end
  watched = watched or server.watchfd(loop.descriptor(), turn)
  set_alarm(loop.patience())
end

-- Has turn called once, after some milliseconds; -1: never.
function set_alarm(milliseconds)
  if alarm then timer.stop(alarm) end
  alarm = milliseconds >= 0 and timer.add_task(milliseconds / 1000, function()
    alarm = nil
    turn()
  end) or nil
end

-- Called when a socket wants a turn while the loop does not run.
loop = poll_loop.new(function()
  if not alarm then set_alarm(0) end
end)

local socket = dgram.createSocket { type = "udp4", loop = loop }
socket:bind(tonumber(os.getenv "WHO_PORT"), "127.0.0.1")
socket:on("message", function(_, rinfo)
  if rinfo.port == 0 then return end -- nobody to answer
  local names = {}
  for name in pairs(prosody.hosts[module.host].sessions) do names[#names + 1] = name end
  table.sort(names)
  socket:send(table.concat(names, " ") .. "\n", rinfo.port, rinfo.address)
end)

-- Sends a line to REPORT_PORT.
local function report(event, what)
  local session = event.session
  socket:send(("%s@%s %s\n"):format(session.username, session.host, what),
    tonumber(os.getenv "REPORT_PORT"), "127.0.0.1")
end

module:hook("resource-bind", function(event) report(event, "online") end)
module:hook("resource-unbind", function(event) report(event, "offline") end)

function module.unload()
  if watched then watched:close() end
  socket:close()
  loop.run "nowait"
end
