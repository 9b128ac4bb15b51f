-- The other side of a work, whose instructions nobody counts. It prints its port.
-- The first message it hears is a list of ports; whenever it has heard so many
-- messages more it sends one to each of these, and then prints a line.
--   peer.lua MESSAGES
local dgram, uv = require "dgram", require "luv"

local expected, heard, ports = tonumber(arg[1]), 0, nil
local message = ("x"):rep(64)
local socket = dgram.createSocket("udp4")

-- Sends one message to each port; all of them are gone before it says so.
local function round()
  for _, port in ipairs(ports) do socket:send(message, port, "127.0.0.1") end
  socket:flush()
  print()
end

local function read_ports(list)
  ports = {}
  for port in list:gmatch("%d+") do ports[#ports + 1] = tonumber(port) end
  round()
end

socket:on("message", function(msg)
  if not ports then return read_ports(msg) end
  if msg == "end" then return socket:close() end
  heard = heard + 1
  if heard % expected == 0 then round() end
end)
io.stdout:setvbuf("line")
print(socket:bindSync({ address = "127.0.0.1" }).port)
uv.run()
