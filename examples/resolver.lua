-- Looks up the IPv4 address of a host name at name servers, in straight lines: a
-- request to each in turn, a timeout, a second round. Nothing but DNS (RFC 1035)
-- and waiting; a server that is not there is left at once.
--   lua5.4 examples/resolver.lua NAME SERVER[:PORT]...
local dgram = require "dgram"

local TIMEOUT, ROUNDS = 500, 2 -- milliseconds; how often each server is asked

-- Makes a question with a number.
local function question(id, name)
  local labels = name:gsub("([^.]+)%.?", function(label) return string.char(#label) .. label end)
  return string.char(math.floor(id / 256), id % 256) .. "\1\0\0\1\0\0\0\0\0\0" .. labels
    .. "\0\0\1\0\1"
end

-- Returns the first address in an answer to a question, nil if there is none.
local function address(answer, asked)
  local at = answer:find("\0\1\0\1", #asked + 1, true) -- type A, class IN
  if answer:sub(1, 2) ~= asked:sub(1, 2) or not at or #answer < at + 13 then return nil end
  return ("%d.%d.%d.%d"):format(answer:byte(at + 10, at + 13))
end

-- Asks one server; returns the address, or nil and why not.
local function ask(name, server, port)
  local socket = dgram.createSocket("udp4")
  local asked = question(math.random(0, 65535), name)
  socket:connectSync(port, server) -- so that errors of the server come back
  socket:send(asked)
  local answer, err = socket:receive(TIMEOUT)
  socket:close()
  if not answer then return nil, err.code end
  local found = address(answer, asked)
  return found, not found and "no address" or nil
end

-- Asks one server after the other, and again.
local function resolve(name, servers)
  for _ = 1, ROUNDS do
    for _, server in ipairs(servers) do
      local host, port = server:match("^([^:]+):?(%d*)$")
      local found, why = ask(name, host, tonumber(port) or 53)
      if found then return found end
      print(server .. ": " .. why)
    end
  end
end

math.randomseed(os.time())
dgram.run(function()
  local name = table.remove(arg, 1)
  print(resolve(name, arg) or "not found")
end)
