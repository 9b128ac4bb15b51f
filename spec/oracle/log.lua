-- What the scenarios share on our side; log.js is its twin, name by name.
-- Run a scenario by hand, in the root of the project, after
-- eval "$(make -s env)": lua5.4 spec/oracle/NAME.lua
local dgram = require "dgram"
local uv = require "luv"
local unpack = table.unpack or unpack

local sockets = {} -- the named sockets, in order: { socket, name }
local ports = {}   -- port -> the name of the socket that has it
local M = { dgram = dgram, AbortController = dgram.AbortController,
  BlockList = dgram.BlockList, errorMonitor = dgram.errorMonitor }

-- Remembers the port of a named socket, if it has one.
local function learn(socket, name)
  local ok, address = pcall(socket.address, socket)
  if ok and address.port then ports[address.port] = name end
end

-- The placeholder of a random port; the system's own ports stand as they are.
local function port_name(port)
  for _, known in ipairs(sockets) do learn(known[1], known[2]) end
  if ports[port] then return "<" .. ports[port] .. ">" end
  return tonumber(port) < 1024 and ("%d"):format(port) or "<port>"
end

-- A text without random ports.
local function normal(text)
  return (text:gsub(":(%d%d%d%d%d?)$", function(port)
    return ":" .. port_name(tonumber(port))
  end))
end

-- An error: name, code, message and the fields that it has.
local function show_error(err)
  local message = normal(err.message):gsub('[\\"]', "\\%0")
  local parts = { err.name, err.code or "-", '"' .. message .. '"' }
  for _, key in ipairs { "syscall", "errno", "address", "hostname" } do
    if err[key] ~= nil then
      parts[#parts + 1] = key .. "=" .. tostring(err[key])
    end
  end
  if err.port then parts[#parts + 1] = "port=" .. port_name(err.port) end
  return table.concat(parts, " ")
end

-- The name of a socket; nil for any other value.
local function name_of(value)
  for _, known in ipairs(sockets) do
    if known[1] == value then return known[2] end
  end
end

-- The values of a list, in brackets.
local function show_list(list)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = M.show(value) end
  return "[" .. table.concat(parts, ", ") .. "]"
end

-- The fields of a table, sorted, in braces.
local function show_fields(fields)
  local parts = {}
  for key, value in pairs(fields) do
    local is_port = key == "port" and type(value) == "number"
    local text = is_port and port_name(value) or M.show(value)
    parts[#parts + 1] = key .. ": " .. text
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- How the values of a type are shown.
local shown = {
  string = function(text)
    return #text > 60 and ("<%d bytes>"):format(#text) or "'" .. text .. "'"
  end,
  number = function(number)
    if number ~= number then return "nan" end
    if number % 1 ~= 0 then return tostring(number) end
    return ("%.0f"):format(number)
  end,
  ["function"] = function() return "function" end,
  table = function(value)
    if value.message and value.name then return show_error(value) end
    local is_list = #value > 0 or next(value) == nil
    return (is_list and show_list or show_fields)(value)
  end,
}

-- The text of any value.
function M.show(value)
  local name = name_of(value)
  if name then return "<" .. name .. ">" end
  return (shown[type(value)] or tostring)(value)
end

local held = {} -- lines that wait for the others of their group
local group = 0 -- how many there will be

-- The next count lines may come in any order: they are printed sorted.
function M.unordered(count)
  group = count
end

-- Prints a line: a label and values.
function M.log(label, ...)
  local parts = { label }
  for i = 1, select("#", ...) do parts[i + 1] = M.show((select(i, ...))) end
  held[#held + 1] = table.concat(parts, " ") .. "\n"
  if #held < group then return end
  table.sort(held)
  io.stdout:write(table.concat(held))
  io.stdout:flush()
  held, group = {}, 0
end

-- Calls a function; print its result or the error that it throws.
function M.attempt(label, fn)
  local ok, result = pcall(fn)
  M.log(label .. (ok and " ->" or " throws"), result)
end

-- Calls a method; print the call and its result or the error that it throws.
function M.call(object, method, ...)
  local args, count, texts = { ... }, select("#", ...), {}
  for i = 1, count do
    local known = args[i] ~= nil and ports[args[i]]
    texts[i] = known and port_name(args[i]) or M.show(args[i])
  end
  M.attempt(("%s(%s)"):format(method, table.concat(texts, ", ")), function()
    return object[method](object, unpack(args, 1, count))
  end)
end

-- A send or connect callback that prints the error or the number of bytes.
function M.done(label)
  return function(err, bytes) M.log(label, err or bytes) end
end

-- Gives a socket a name in the log.
function M.named(name, socket)
  sockets[#sockets + 1] = { socket, name }
  return socket
end

-- A socket with a name and not one listener.
function M.bare(name, ...)
  return M.named(name, dgram.createSocket(...))
end

-- A socket with a name that prints all of its events.
function M.socket(name, ...)
  local made = M.bare(name, ...)
  made:on("listening", function()
    learn(made, name)
    M.log(name .. " listening")
  end)
  for _, event in ipairs { "message", "connect", "close", "error" } do
    made:on(event, function(...) M.log(name .. " " .. event, ...) end)
  end
  return made
end

-- A printing socket that is bound to the loopback address, and its port.
function M.bound(name, kind, fn)
  local made = M.socket(name, kind)
  made:bind(0, kind == "udp4" and "127.0.0.1" or "::1", function()
    fn(made, made:address().port)
  end)
end

-- Calls fn for udp4 and, when that calls its second argument, for udp6.
function M.both(fn)
  fn("udp4", function() fn("udp6", function() end) end)
end

-- Calls fn at the count-th message of a socket.
function M.messages(socket, count, fn)
  socket:on("message", function()
    count = count - 1
    if count == 0 then fn() end
  end)
end

-- A multicast group that nobody else on this machine is in: a socket bound to
-- every address hears the groups of others too.
function M.ownGroup()
  local pid = uv.os_getpid()
  return ("239.%d.%d.%d"):format(math.floor(pid / 65536) % 256,
    math.floor(pid / 256) % 256, pid % 256)
end

-- Calls fn later, when all that is pending at this moment has run.
function M.after(ms, fn)
  local timer = uv.new_timer()
  timer:start(ms, 0, function()
    timer:close()
    fn()
  end)
  return timer
end

-- A resolver for the option `lookup`: prints its calls, knows these names.
function M.lookup(names)
  return function(host, family, callback)
    M.log("lookup", host, family)
    local address = names[host] or host
    M.after(1, function()
      if address ~= "fails" then return callback(nil, address, family) end
      callback({ name = "Error", message = "no such host" })
    end)
  end
end

-- The function that the raw listener of a once() stands for.
function M.wrapped(raw)
  return type(raw) == "table" and raw.listener
end

-- Runs the loop until nothing keeps it alive.
function M.run()
  uv.run()
  group = 0
  M.log("exit")
end

return M
