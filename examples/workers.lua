-- A pool of workers: several coroutines receive from one socket, each datagram
-- goes to one of them, and what one waits for holds up nobody else. End with Ctrl-C.
--   lua5.4 examples/workers.lua [PORT [WORKERS [JOBS]]]
local dgram = require "dgram"
local uv = require "luv"

local port, workers = arg[1] or 0, tonumber(arg[2] or 3)
local jobs = tonumber(arg[3] or math.huge) -- to be done; then it ends
assert(workers and jobs, "usage: workers.lua [PORT [WORKERS [JOBS]]]")

local socket = dgram.createSocket("udp4")
local done, closed = 0, false

local function close()
  closed = true
  socket:close()
end

-- Serves datagrams, "sleep 20" among them, until the socket is closed.
local function work(name)
  local job, from = socket:receive()
  while job do
    dgram.sleep(tonumber(job:match("^sleep (%d+)$")) or 0)
    if closed then return end -- nobody can be told any more
    if from.port > 0 then socket:reply(("worker %d: %s"):format(name, job), from) end
    done = done + 1
    if done >= jobs then close() end
    job, from = socket:receive()
  end
end

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", close)

dgram.run(function()
  print("listening on port " .. socket:bindSync({ address = "127.0.0.1", port = port }).port)
  for name = 2, workers do dgram.async(work)(name) end
  work(1)
end)
