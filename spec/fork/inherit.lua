-- A parent whose child uses, closes or collects the sockets it inherited. The
-- parent must hear all the same, and its socket file must stay.
--   lua5.4 spec/fork/inherit.lua FORKER.so PATH use|close|end|loop
local forker = package.loadlib(arg[1], "luaopen_forker")()
local path, what = arg[2], arg[3]
local dgram = require "dgram"
local uv = require "luv"

local udp, file = dgram.createSocket("udp4"), dgram.createSocket("unix_dgram")
local port = udp:bindSync({ address = "127.0.0.1" }).port
file:bindSync({ path = path })

-- Prints the code of the error that a call raises.
local function try(name, ...)
  local ok, err = pcall(...)
  print(name, ok and "nothing raised" or err.code)
end

local child = {}

function child.use()
  try("send", udp.send, udp, "from the child", port, "127.0.0.1")
  try("send by name", udp.send, udp, "from the child", port, "localhost")
  try("address", udp.address, udp)
  try("setTTL", udp.setTTL, udp, 9)
  try("connect", udp.connect, udp, 9)
  try("send to a path", file.send, file, "from the child", path)
  try("createSocket", dgram.createSocket, "udp4")
  try("close", udp.close, udp)
  try("send when closed", udp.send, udp, "from the child", port, "127.0.0.1")
  print("it is", udp)
end

function child.close()
  udp:close()
  file:close()
end

child["end"] = function() end

-- Runs the loop it inherited, where a datagram waits.
function child.loop()
  io.stderr:close()
  uv.run("once")
end

-- Hears what is sent to both sockets from outside.
local function hear()
  local heard = 0
  local function count(msg)
    if msg == "early" then return end
    print("parent got", msg)
    heard = heard + 1
    if heard == 2 then
      udp:close()
      file:close()
    end
  end
  udp:on("message", count)
  file:on("message", count)
  local sender = dgram.createSocket("udp4")
  local other = dgram.createSocket("unix_dgram")
  sender:send("over udp", port, "127.0.0.1", function() sender:close() end)
  other:send("over the path", path, function() other:close() end)
  uv.run()
end

uv.run("nowait")
if what == "loop" then udp:send("early", port, "127.0.0.1") end
local pid = forker.fork()
if pid == 0 then return child[what]() end
print("child ended", ("%d"):format(forker.wait()))
hear()
