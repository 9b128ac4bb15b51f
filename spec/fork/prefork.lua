-- A server that loads the module before it forks; the children and the parent
-- make their sockets afterwards, with the loop the argument names.
--   lua5.4 spec/fork/prefork.lua FORKER.so luv|poll_loop
local forker = package.loadlib(arg[1], "luaopen_forker")()
local dgram = require "dgram"
local poll_loop = require "dgram.loop.poll"

-- Returns what createSocket is given, and the function that runs the loop.
local function a_loop()
  if arg[2] == "luv" then
    local uv = require "luv"
    return { type = "udp4" }, function() uv.run() end
  end
  local loop = poll_loop.new()
  return { type = "udp4", loop = loop }, loop.run
end

-- Echoes to itself.
local function serve(name)
  local options, run = a_loop()
  local socket = dgram.createSocket(options)
  socket:on("message", function(msg)
    print(name .. " got", msg)
    socket:close()
  end)
  socket:bind(0, "127.0.0.1", function()
    socket:send("hello", socket:address().port, "127.0.0.1")
  end)
  run()
end

if arg[2] == "poll_loop" then serve("before") end
for i = 1, 2 do
  if forker.fork() == 0 then return serve("child " .. i) end
  print("child ended", ("%d"):format(forker.wait()))
end
serve("parent")
