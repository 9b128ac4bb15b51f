-- A CoAP server (RFC 7252): GET and PUT small resources, and observe them (RFC 7641).
-- Who observes one is told of each change by a message that he confirms; else it comes
-- again, later and later, and then no more. Answers leave from the address that was
-- asked. End with Ctrl-C.
--   lua5.4 examples/coap_server.lua [port [address]]
--   coap-client-notls -m put -e 21.5 coap://127.0.0.1/heat
--   coap-client-notls -s 60 coap://127.0.0.1/heat        prints it, and each change
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local Messages = require "coap_messages"
local coap = require "coap"
local dgram = require "dgram"
local uv = require "luv"

-- What strangers may store: bytes of a payload, and how many.
local MAX_PAYLOAD, MAX_RESOURCES, MAX_OBSERVERS = 1024, 1000, 1000

-- The critical options we know, how often each may come, and with how many bytes.
local KNOWN = { [coap.HOST] = { 1, 255 }, [coap.PORT] = { 1, 2 },
  [coap.PATH] = { 16, 255 }, [coap.ACCEPT] = { 1, 2 } }

local resources, stored = {}, 0 -- by path: { payload =, format =, version = }
local observers, observing = {}, 0 -- by client and token
local messages

-- A response with the content of a resource.
local function content(resource, observed, token)
  return { code = "2.05", token = token, payload = resource.payload, options = {
    { coap.FORMAT, resource.format },
    observed and { coap.OBSERVE, coap.bytes(resource.version) } or nil,
  } }
end

-- Tells an observer no more.
local function forget(observer)
  if observers[observer.key] ~= observer then return end
  observers[observer.key], observing = nil, observing - 1
end

-- Tells an observer the newest content until he has confirmed that (RFC 7641, 4.5);
-- forgets who does not.
local tell = dgram.async(function(observer)
  local resource, message = observer.resource, nil
  local function newest()
    if observers[observer.key] ~= observer then return nil end
    if observer.told ~= resource.version then
      message = content(resource, true, observer.token)
      observer.told = resource.version
    end
    return message
  end
  observer.busy = true
  while observer.told ~= resource.version do
    if messages:deliver(newest, observer.rinfo) ~= "ACK" then return forget(observer) end
  end
  observer.busy = false
end)

-- Begins or ends to observe, as a request says; returns whether it has begun.
local function observe(request, resource, rinfo)
  local wish = coap.values(request, coap.OBSERVE)[1]
  if not wish or #wish > 3 then return false end
  local key = Messages.key(rinfo, request.token)
  if observers[key] then forget(observers[key]) end
  if coap.number(wish) ~= 0 or observing >= MAX_OBSERVERS then return false end
  observers[key], observing = { key = key, rinfo = rinfo, token = request.token,
    resource = resource, told = resource.version }, observing + 1
  return true
end

local methods = {} -- each takes request, path and rinfo, and returns the response

methods["0.01"] = function(request, path, rinfo) -- GET
  local resource, accept = resources[path], coap.values(request, coap.ACCEPT)[1]
  if not resource then return { code = "4.04" } end
  if accept and coap.number(accept) ~= coap.number(resource.format) then
    return { code = "4.06" }
  end
  return content(resource, observe(request, resource, rinfo))
end

methods["0.03"] = function(request, path) -- PUT
  local resource, format = resources[path], coap.values(request, coap.FORMAT)[1] or ""
  if #request.payload > MAX_PAYLOAD then return { code = "4.13" } end
  if not resource and stored >= MAX_RESOURCES then return { code = "5.03" } end
  local code = resource and "2.04" or "2.01"
  if not resource then
    resource, stored = { version = 0 }, stored + 1
    resources[path] = resource
  end
  resource.payload, resource.format = request.payload, #format <= 2 and format or ""
  resource.version = (resource.version + 1) % 16777216
  for _, observer in pairs(observers) do
    if observer.resource == resource and not observer.busy then tell(observer) end
  end
  return { code = code }
end

-- Returns the response to a request.
local function serve(request, rinfo)
  local method = methods[request.code]
  if not method then return { code = "4.05" } end
  if coap.has_bad_option(request, KNOWN) then return { code = "4.02" } end
  return method(request, table.concat(coap.values(request, coap.PATH), "/"), rinfo)
end

local address = arg[2] or "0.0.0.0"
local server = dgram.createSocket {
  type = address:find(":", 1, true) and "udp6" or "udp4",
  recvInfo = { "localAddress", "interface" },
}
local at = server:bindSync { port = arg[1] or 5683, address = address }
messages = Messages.new(server, serve)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() messages:close() end)
print(("listening %s %d"):format(at.address, at.port))
uv.run()
