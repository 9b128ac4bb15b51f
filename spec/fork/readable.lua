-- A child runs the loop it inherited, which has nothing to do but to say that the
-- parent's socket is readable: it hears nothing of it, the parent does.
--   lua5.4 spec/fork/readable.lua FORKER.so
local forker = package.loadlib(arg[1], "luaopen_forker")()
local dgram = require "dgram"
local uv = require "luv"

local loop = require("dgram.loop.poll").new()
local socket = dgram.createSocket { type = "udp4", loop = loop }
local port = socket:bindSync({ address = "127.0.0.1" }).port
local who = "child"
socket:on("message", function(msg)
  print(who .. " got", msg)
  socket:close()
end)
loop.run("nowait") -- 'listening' is told, and the loop rests

local sender = dgram.createSocket("udp4")
sender:send("hello", port, "127.0.0.1", function() sender:close() end)
uv.run()
if forker.fork() == 0 then
  print("child's loop", pcall(loop.run, "once"))
  return
end
print("child ended", ("%d"):format(forker.wait()))
who = "parent"
loop.run()
