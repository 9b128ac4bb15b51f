-- Shows the services of a type in the local network as they come and go, by mDNS
-- (RFC 6762, 6763). Ends with Ctrl-C.
--   lua5.4 examples/mdns_browse.lua [TYPE]
--   avahi-publish -s "My web" _http._tcp 8080 path=/
package.path = (arg[0]:match("^.*/") or "") .. "?.lua;" .. package.path
local mdns = require "mdns"
local uv = require "luv"

local LONGEST = 60000 -- milliseconds from question to question
local MOST, QUESTIONS = 1000, 100 -- services that are remembered; questions in between

local service = (arg[1] or "_http._tcp") .. ".local"
local present = {} -- until when, by interface and name of the service
local asked = {} -- what was asked for since we last asked everybody, the same way
local room, questions_left = MOST, 0
local group

-- Whether a name is a service of the type.
local function is_service(name)
  return name:lower():sub(-#service - 1) == "." .. service:lower()
end

-- A service has come, or it tells again that it is there.
local function show(interface, srv, txt, address)
  local key = interface .. " " .. srv.name
  if not present[key] then
    if room == 0 then return end
    room = room - 1
    local text = table.concat(txt and txt.texts or {}, " "):gsub("%c", "?")
    print(("+ %s %s %d %s %s"):format(key, srv.target, srv.port, address.address, text))
  end
  present[key] = math.max(present[key] or 0, uv.now() + srv.ttl * 1000)
end

local function hide(key)
  present[key], room = nil, room + 1
  print("- " .. key)
end

-- Asks once for the records of a service that did not come along.
local function ask(interface, name, target)
  local key = interface .. " " .. name .. " " .. (target or "")
  if asked[key] or present[interface .. " " .. name] or questions_left == 0 then return end
  asked[key], questions_left = true, questions_left - 1
  local questions = { { name = name, type = "SRV" }, { name = name, type = "TXT" } }
  for _, kind in ipairs(target and { "A", "AAAA" } or {}) do
    questions[#questions + 1] = { name = target, type = kind }
  end
  group:tell({ questions = questions }, interface)
end

-- The records of a response, by type and name.
local function by_name(response)
  local records = {}
  for _, section in ipairs { response.additionals, response.answers } do
    for _, record in ipairs(section) do
      records[record.type .. " " .. record.name:lower()] = record
    end
  end
  return records
end

-- Learns from a response: a name of the type (PTR) leads to host and port (SRV), that
-- to an address. What is not in the same response is asked for.
local function learn(response, rinfo)
  if not response.response or rinfo.port ~= mdns.PORT then return end
  local records, interface = by_name(response), rinfo.interface
  for _, record in ipairs(response.answers) do
    local name = record.type == "PTR" and record.target
    if name and is_service(name) then
      if record.ttl == 0 and present[interface .. " " .. name] then
        hide(interface .. " " .. name)
      elseif record.ttl > 0 and not records["SRV " .. name:lower()] then
        ask(interface, name)
      end
    end
  end
  for _, srv in pairs(records) do
    if srv.type == "SRV" and srv.ttl > 0 and is_service(srv.name) then
      local target = srv.target:lower()
      local address = records["A " .. target] or records["AAAA " .. target]
      if address then show(interface, srv, records["TXT " .. srv.name:lower()], address)
      else ask(interface, srv.name, srv.target) end
    end
  end
end

group = mdns.join(learn)

-- Asks everybody, now and then, ever less often; forgets who is silent for too long.
local timer, pause = uv.new_timer(), 500
timer:unref()
local function tick()
  for key, expires in pairs(present) do
    if expires < uv.now() then hide(key) end
  end
  asked, questions_left, pause = {}, QUESTIONS, math.min(pause * 2, LONGEST)
  group:tell { questions = { { name = service, type = "PTR" } } }
  timer:start(pause, 0, tick)
end

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() group:close() end)

print("looking for " .. service)
tick()
uv.run()
