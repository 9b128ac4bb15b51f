-- A syslog collector, over UDP and a unix socket: RFC 3164 and RFC 5424, a line each.
-- Of a unix sender the kernel tells pid and user, whatever the message says.
-- End with Ctrl-C.
--   lua5.4 examples/syslog_collector.lua [PORT [PATH]]
-- Try it: logger -u /tmp/dgram_syslog_sock hello
--         logger -n 127.0.0.1 -P 5514 -d --rfc5424 -p mail.err -t app hello
local dgram = require "dgram"
local uv = require "luv"

local port, path = arg[1] or 5514, arg[2] or "/tmp/dgram_syslog_sock"

local FACILITIES = { [0] = "kern", "user", "mail", "daemon", "auth", "syslog", "lpr",
  "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0",
  "local1", "local2", "local3", "local4", "local5", "local6", "local7" }
local SEVERITIES = { [0] = "emerg", "alert", "crit", "err", "warning", "notice", "info",
  "debug" }

-- Cuts structured data off: "-", or elements in brackets whose values are quoted.
-- Returns it and what follows; nil if it is malformed.
local function cut_data(text)
  if text:find("^%-") then return "", text:sub(2) end
  -- The same text, without what brackets and quotes hide.
  local bare = text:gsub("\\.", "__"):gsub('"[^"]*"', function(s) return ("_"):rep(#s) end)
  local last = 0
  while bare:find("^%[", last + 1) do
    local _, close = bare:find("^%[[^%]]*%]", last + 1)
    if not close then return nil end
    last = close
  end
  if last > 0 then return text:sub(1, last), text:sub(last + 1) end
end

-- RFC 5424: VERSION TIMESTAMP HOST APP PID MSGID DATA TEXT, "-" for nothing.
local function read_5424(text)
  local time, host, app, pid, rest =
    text:match("^1 (%S+) (%S+) (%S+) (%S+) %S+ (.*)$")
  local data, said = cut_data(rest or "")
  if not data or said:find("^[^ ]") then return nil end
  return { time = time, host = host, app = app, pid = pid, data = data,
    text = said:gsub("^ +", ""):gsub("^\239\187\191", "") } -- a byte order mark
end

-- RFC 3164: "Mmm dd hh:mm:ss HOST APP[PID]: TEXT", where a local sender leaves the host
-- out, and many leave out more.
local function read_3164(text)
  local time, rest = text:match("^(%a%a%a [%d ]%d %d%d:%d%d:%d%d) (.*)$")
  if not time then time, rest = text:match("^(%d%d%d%d%-%d%d%-%d%dT%S+) (.*)$") end
  rest = rest or text
  local host, after
  if time then host, after = rest:match("^([^%s:%[]+) (.*)$") end
  local app, pid, said = (after or rest):match("^([^%s:%[]+)%[([^%]]*)%]: ?(.*)$")
  if not app then app, said = (after or rest):match("^([^%s:%[]+): ?(.*)$") end
  return { time = time, host = host, app = app, pid = pid, data = "",
    text = said or after or rest }
end

-- Reads a message; one without a priority is of user.notice (RFC 3164, 4.3.3).
local function read(msg)
  local priority, rest = msg:match("^<(%d%d?%d?)>(.*)$")
  local value = tonumber(priority)
  if not value or value > 191 then value, rest = 13, msg end
  local message = read_5424(rest) or read_3164(rest)
  message.facility = FACILITIES[math.floor(value / 8)]
  message.severity = SEVERITIES[value % 8]
  return message
end

-- Shows control characters as numbers: nobody writes lines that are not his.
local function printable(text)
  return (text:gsub("%c", function(c) return ("#%03o"):format(c:byte()) end))
end

-- Where a message comes from, by the kernel's word.
local function origin(rinfo)
  local who = rinfo.credentials
  if who then return ("pid %d of user %d"):format(who.pid, who.uid) end
  return rinfo.address
end

local function on_message(msg, rinfo)
  local message = read((msg:gsub("%c+$", "")))
  local app = message.app or "-"
  if message.pid and message.pid ~= "-" then app = app .. "[" .. message.pid .. "]" end
  local text = message.data == "" and message.text or message.data .. " " .. message.text
  print(printable(("%s %s.%s %s %s: %s (%s)"):format(message.time or "-", message.facility,
    message.severity, message.host or "-", app, text, origin(rinfo))))
end

-- Ctrl-C aborts, and that closes both sockets; the path goes with its socket.
local stop = dgram.AbortController()
local udp = dgram.createSocket({ type = "udp4", signal = stop.signal,
  recvBufferSize = 4194304 }, on_message)
local unix = dgram.createSocket({ type = "unix_dgram", signal = stop.signal, mode = 438,
  recvInfo = { "credentials" } }, on_message) -- 438 is 0666: anybody may log
local interrupt = uv.new_signal()
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() stop:abort() end)

udp:bindSync { port = port }
unix:bindSync { path = path }
print(("listening on port %d and %s"):format(udp:address().port, path))
uv.run()
