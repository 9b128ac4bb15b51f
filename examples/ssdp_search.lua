-- Searches for UPnP devices on every interface (SSDP M-SEARCH), and prints who answers:
-- one socket, whose datagrams leave by each interface in turn, and which knows by which
-- one an answer came.
--   lua5.4 examples/ssdp_search.lua [TARGET [SECONDS [PORT]]]
-- Try it beside a media server: minidlnad -d -f minidlna.conf, or any router.
local dgram = require "dgram"
local uv = require "luv"

local target = arg[1] or "ssdp:all" -- or "upnp:rootdevice", "urn:schemas-upnp-org:…"
local seconds, port = tonumber(arg[2] or 3), arg[3] or 1900
assert(seconds, "usage: ssdp_search.lua [TARGET [SECONDS [PORT]]]")

local GROUP, TIMES = "239.255.255.250", 2 -- how often is asked: UDP may lose a question

local question = table.concat({ "M-SEARCH * HTTP/1.1", "HOST: " .. GROUP .. ":" .. port,
  'MAN: "ssdp:discover"', "MX: 1", "ST: " .. target, "", "" }, "\r\n")

-- Asks on every interface that has an IPv4 address; tells where that failed.
local function ask(socket)
  for name, addresses in pairs(uv.interface_addresses()) do
    for _, each in ipairs(addresses) do
      if each.family == "inet" then
        socket:send(question, port, GROUP, { interface = name, localAddress = each.ip },
          function(err) if err then print(name .. ": " .. err.message) end end)
      end
    end
  end
end

-- Reads an answer: its header fields, names in capitals; nil if it is none.
local function read(msg)
  if not msg:find("^HTTP/1%.%d 200 ") then return nil end
  local fields = {}
  for name, value in msg:gmatch("\n([%w-]+):[ \t]*([^\r\n]*)") do
    fields[name:upper()] = value:gsub("%c", "?")
  end
  return fields.USN and fields.LOCATION and fields
end

-- Prints answers until a time, each service and interface once.
local function hear(socket, ends, seen)
  local msg, rinfo = socket:receive(math.max(0, ends - uv.now()))
  while msg do
    local fields = read(msg)
    local key = fields and rinfo.interface .. " " .. fields.USN
    if key and not seen[key] then
      seen[key] = true
      print(("%s\n  %s by %s, %s"):format(key, fields.LOCATION, rinfo.address,
        fields.SERVER or "who does not say what it is"))
    end
    uv.update_time()
    msg, rinfo = socket:receive(math.max(0, ends - uv.now()))
  end
end

dgram.run(function()
  local socket = dgram.createSocket { type = "udp4", recvInfo = { "interface" } }
  socket:setMulticastTTL(2) -- as UPnP has it
  local seen = {}
  for _ = 1, TIMES do
    ask(socket)
    hear(socket, uv.now() + math.floor(seconds * 1000 / TIMES), seen)
  end
  socket:close()
  if not next(seen) then print("nobody answers") end
end)
