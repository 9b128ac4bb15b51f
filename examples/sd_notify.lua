-- A service manager's ear: programs that it starts tell their state to the socket
-- that NOTIFY_SOCKET names (sd_notify(3)). The pid is the kernel's word, not theirs;
-- only root may name another's. Some pass a descriptor, and wait until it is closed. End
-- with Ctrl-C, which removes the path.
--   lua5.4 examples/sd_notify.lua [path]
--   NOTIFY_SOCKET=/tmp/dgram_notify_sock systemd-notify --ready
local dgram = require "dgram"
local uv = require "luv"

local server = dgram.createSocket {
  type = "unix_dgram", recvInfo = { "credentials", "descriptors" }, mode = 438, -- 0666
}

server:on("message", function(msg, rinfo)
  local who = rinfo.credentials
  for line in msg:gmatch("[^\n]+") do
    print(("pid %d of user %d: %s"):format(who.pid, who.uid, line))
  end
  for _, descriptor in ipairs(rinfo.descriptors) do descriptor:close() end
end)

server:on("listening", function()
  print("listening " .. server:address().address)
end)

server:bind(arg[1] or "/tmp/dgram_notify_sock")

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() server:close() end)

uv.run()
