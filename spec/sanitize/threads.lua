-- Threads with a Lua state and a loop each: their sockets talk to each other at
-- the same time. Run by `make sanitize` under the thread sanitizer.
local uv = require "luv"

local THREADS, MESSAGES = 4, 300

-- What a thread does: an echo server and a client, until all has come back.
local function work(path, cpath, messages)
  package.path, package.cpath = path, cpath
  local dgram = require "dgram"
  local loop = require "luv"
  local server = dgram.createSocket("udp4")
  local client = dgram.createSocket("udp4")
  local heard = 0
  server:on("message", function(msg, rinfo)
    server:send(msg, rinfo.port, rinfo.address)
  end)
  local port = server:bindSync({ address = "127.0.0.1" }).port
  local function ask() client:send("hello " .. heard, port, "127.0.0.1") end
  client:on("message", function(msg)
    assert(msg == "hello " .. heard)
    heard = heard + 1
    if heard < messages then return ask() end
    client:close()
    server:close()
  end)
  ask()
  loop.run()
  assert(heard == messages)
end

local threads = {}
for i = 1, THREADS do
  threads[i] = uv.new_thread(work, package.path, package.cpath, MESSAGES)
end
work(package.path, package.cpath, MESSAGES)
for _, thread in ipairs(threads) do assert(thread:join()) end

-- libuv closes a descriptor in one thread, and a socket gets its number in another:
-- no race, if the sanitizer sees both (close.c). It knows nothing of a file's name,
-- which is all that orders them here.
local function reuse()
  local path = os.tmpname()
  local thread = uv.new_thread(function(name)
    local loop = require "luv"
    assert(loop.fs_close(assert(loop.fs_open("/dev/null", "r", 0))))
    assert(os.rename(name, name .. ".closed"))
  end, path)
  while not uv.fs_stat(path .. ".closed") do end
  local socket = require "dgram".createSocket("udp4")
  socket:bindSync { address = "127.0.0.1" }
  assert(thread:join())
  assert(os.remove(path .. ".closed"))
  socket:close()
  uv.run()
end

reuse()
print("\n2 passed, 0 failed")
