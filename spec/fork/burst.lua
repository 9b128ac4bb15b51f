-- A parent that forks between two sends of one turn; its child sends on, as much as
-- would be handed over at once.
--   lua5.4 spec/fork/burst.lua FORKER.so
local forker = package.loadlib(arg[1], "luaopen_forker")()
local dgram = require "dgram"
local uv = require "luv"

local server, client = dgram.createSocket("udp4"), dgram.createSocket("udp4")
local port = server:bindSync({ address = "127.0.0.1" }).port
client:bindSync({ address = "127.0.0.1" })
uv.run("nowait")
collectgarbage("stop") -- nothing closes the child's sockets meanwhile

for i = 1, 3 do client:send(tostring(i), port, "127.0.0.1") end
if forker.fork() == 0 then
  local accepted, code = 0, nil
  for _ = 1, 300 do
    local ok, err = pcall(client.send, client, "from the child", port, "127.0.0.1")
    if ok then accepted = accepted + 1 else code = err.code end
  end
  print("child's sends", accepted, code)
  return
end
print("child ended", ("%d"):format(forker.wait()))
server:on("message", function(msg) print("parent got", msg) end)
client:close(function()
  local last = dgram.createSocket("udp4")
  server:on("message", function(msg) if msg == "last" then server:close() end end)
  last:send("last", port, "127.0.0.1", function() last:close() end)
end)
uv.run()
