-- A stub resolver: asks name servers for the addresses of a host name, IPv4 and IPv6
-- at the same time, each in straight lines. A server that says nothing within half a
-- second, is not there or cannot tell is left for the next one; when all have failed
-- there is a second round. Exits with 1 if there is no address.
--   lua5.4 examples/resolver.lua NAME SERVER[:PORT]...
--   dnsmasq -d -p 5301 --host-record=www.example.test,192.0.2.7,2001:db8::7
--   lua5.4 examples/resolver.lua www.example.test 127.0.0.1:5301
package.path = (arg[0]:match("^.*/") or "") .. "?.lua;" .. package.path
local dgram = require "dgram"
local dns = require "dns"
local uv = require "luv"

local TIMEOUT, ROUNDS = 500, 2 -- milliseconds; how often each server is asked
local SIZE = 1232 -- bytes of an answer that no path fragments

-- Address and port of a server: 192.0.2.1, 192.0.2.1:53, 2001:db8::1, [2001:db8::1]:53.
local function parse(server)
  local host, port = server:match("^%[(.+)%]:?(%d*)$")
  if not host then host, port = server:match("^([^:]+):?(%d*)$") end
  return host or server, tonumber(port) or 53
end

-- Whether a message answers a question: nobody can guess all of this.
local function answers(message, id, question)
  local echo = message and message.questions[1]
  return message and message.response and message.id == id and echo
    and echo.type == question.type and echo.class == 1
    and echo.name:lower() == question.name:lower()
end

-- Sends a question and waits for its answer, which it returns; or nil and why not.
local function exchange(socket, question)
  local high, low = uv.random(2):byte(1, 2)
  local id, deadline = high * 256 + low, uv.now() + TIMEOUT
  socket:send(dns.encode { id = id, recursionDesired = true, questions = { question },
    edns = { size = SIZE } })
  repeat
    local datagram, err = socket:receive(math.max(0, deadline - uv.now()))
    if not datagram then return nil, err.code end
    local message = dns.decode(datagram)
    if answers(message, id, question) then return message end
  until false
end

-- Returns the addresses in an answer, along the aliases of the name; or nil and why
-- the answer says nothing about it.
local function addresses(answer, question)
  if answer.truncated then return nil, "truncated" end
  if answer.rcode ~= "NOERROR" and answer.rcode ~= "NXDOMAIN" then return nil, answer.rcode end
  local name, found = question.name:lower(), {}
  for _, record in ipairs(answer.answers) do
    if record.name:lower() == name then
      if record.type == "CNAME" then name = record.target:lower() end
      if record.type == question.type then found[#found + 1] = record.address end
    end
  end
  return found
end

-- Asks one server, from a port of its own; returns addresses, or nil and why not.
local function ask(question, server)
  local host, port = parse(server)
  local socket = dgram.createSocket(host:find(":") and "udp6" or "udp4")
  local ok, err = pcall(socket.connectSync, socket, port, host) -- errors come back so
  local answer
  if ok then answer, err = exchange(socket, question) end
  socket:close()
  if not answer then return nil, err.code or err end
  return addresses(answer, question)
end

-- Asks one server after the other, and again; returns addresses, none if all failed.
local function resolve(question, servers)
  for _ = 1, ROUNDS do
    for _, server in ipairs(servers) do
      local found, why = ask(question, server)
      if found then return found end
      io.stderr:write(("%s: %s %s\n"):format(server, question.type, why))
    end
  end
  return {}
end

local name, found = table.remove(arg, 1), {}
assert(name and arg[1], "usage: resolver.lua NAME SERVER[:PORT]...")
dgram.run(function()
  for _, kind in ipairs { "A", "AAAA" } do
    dgram.async(function()
      for _, address in ipairs(resolve({ name = name, type = kind }, arg)) do
        found[#found + 1] = address
        print(address)
      end
    end)()
  end
end)
if #found == 0 then
  print("not found")
  os.exit(1)
end
