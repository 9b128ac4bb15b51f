-- Publishes a service in the local network by mDNS (RFC 6762, 6763), on every
-- interface with the addresses that this has. It takes another name when somebody has
-- its name already. Ends with Ctrl-C, and says goodbye.
--   lua5.4 examples/mdns_publish.lua NAME TYPE PORT [TEXT...]
--   lua5.4 examples/mdns_publish.lua "My web" _http._tcp 8080 path=/
--   avahi-browse -r _http._tcp
package.path = (arg[0]:match("^.*/") or "") .. "?.lua;" .. package.path
local dgram = require "dgram"
local mdns = require "mdns"
local uv = require "luv"

local ALL_TYPES = "_services._dns-sd._udp.local"

local name, service, port = arg[1], (arg[2] or "") .. ".local", tonumber(arg[3])
assert(port and port >= 1 and port <= 65535, "usage: mdns_publish.lua NAME TYPE PORT [TEXT...]")
local texts = { arg[4] or "" }
for i = 5, #arg do texts[#texts + 1] = arg[i] end

local host = uv.os_gethostname():match("^[^.]+") .. ".local"
local instance -- the full name of the service
local state, taken -- "probing", "published", "closed"; whether somebody has the name
local group

-- The record that says where the service is.
local function location()
  return { name = instance, type = "SRV", class = mdns.UNIQUE, ttl = mdns.SHORT,
    port = port, target = host }
end

-- What is said on an interface: the service, and what there is of it.
local function own_records(interface)
  local records = {
    { name = ALL_TYPES, type = "PTR", ttl = mdns.LONG, target = service },
    { name = service, type = "PTR", ttl = mdns.LONG, target = instance },
    location(),
    { name = instance, type = "TXT", class = mdns.UNIQUE, ttl = mdns.LONG, texts = texts },
  }
  for _, record in ipairs(mdns.addresses(host, interface)) do
    records[#records + 1] = record
  end
  return records
end

-- Answers a query: everybody, or the one who wants it alone or knows no mDNS. Others
-- may answer about a type, too: that waits a little.
local function answer(query, rinfo)
  local legacy, shared = rinfo.port ~= mdns.PORT, false
  local response = { response = true, authoritative = true, answers = {}, additionals = {},
    id = legacy and query.id or 0, questions = legacy and query.questions or nil }
  for _, record in ipairs(own_records(rinfo.interface)) do
    local wanted = mdns.wants(query, record)
    shared = shared or wanted and record.type == "PTR"
    if legacy then record.class, record.ttl = 1, 10 end
    if wanted then table.insert(response.answers, record)
    elseif record.type ~= "PTR" then table.insert(response.additionals, record) end
  end
  if #response.answers == 0 then return end
  if shared then dgram.sleep(math.random(20, 120)) end
  if legacy or query.questions[1].class >= mdns.UNICAST then group:reply(response, rinfo)
  else group:tell(response, rinfo.interface) end
end

-- Tells everybody what there is; with `ttl` 0, that it is gone.
local function announce(ttl)
  for interface in pairs(mdns.interfaces()) do
    local records = own_records(interface)
    for _, record in ipairs(records) do record.ttl = ttl or record.ttl end
    group:tell({ response = true, authoritative = true, answers = records }, interface)
  end
end

-- Asks three times whether somebody has the name; takes the next one if so.
local function probe()
  local number, tries = 1, 0
  state = "probing"
  dgram.sleep(math.random(0, 250)) -- not all at once, after a power failure
  repeat
    if taken then number, tries, taken = number + 1, 0, false end
    local numbered = number == 1 and name or ("%s (%d)"):format(name, number)
    instance = numbered:gsub("[.\\]", "\\%0") .. "." .. service
    group:tell { questions = { { name = instance, type = "ANY" } },
      authorities = { location() } }
    dgram.sleep(250)
    tries = tries + 1
  until state == "closed" or tries >= 3 and not taken
end

-- Finds a name that nobody has, and tells everybody, twice.
local publish = dgram.async(function()
  probe()
  if state == "closed" then return end
  state = "published"
  announce()
  print("published " .. instance)
  dgram.sleep(1000)
  if state == "published" then announce() end
end)

group = mdns.join(function(message, rinfo)
  if not message.response then
    if state == "published" then answer(message, rinfo) end
  elseif mdns.contradicts(message, location()) then
    taken = true
    if state == "published" then publish() end
  end
end)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function()
  if state == "published" then announce(0) end
  state = "closed"
  group:close()
end)

math.randomseed(uv.hrtime() % 2147483647)
publish()
uv.run()
