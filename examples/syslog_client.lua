-- Sends a message to the system's log through its unix domain socket.
--   lua5.4 examples/syslog_client.lua [path]     (on macOS the path is /var/run/syslog)
local dgram = require "dgram"
local uv = require "luv"

local path = arg[1] or "/dev/log"
local message = "A message to log."

local client = dgram.createSocket("unix_dgram")
client:send(message, 0, #message, path, function(err, bytes)
  if err then
    print("No log to write to: " .. err.message)
    os.exit(1)
  end
  print("Wrote " .. bytes .. " bytes to socket.")
  client:close()
end)

uv.run()
