-- Two coroutines throw a ball: each receives, and answers.
--   lua5.4 examples/ping_pong.lua [ROUNDS]
local dgram = require "dgram"

local rounds = assert(tonumber(arg[1] or 3), "usage: ping_pong.lua [ROUNDS]")

-- Answers each ball with a word, until the other one has closed.
local function play(socket, word)
  local ball, from = socket:receive(200)
  while ball do
    local number = tonumber(ball:match("%d+"))
    print(word .. " " .. number)
    if number == rounds then break end
    socket:send(word .. " " .. number + 1, from.port, from.address)
    ball, from = socket:receive(200)
  end
  socket:close()
end

dgram.run(function()
  local ping, pong = dgram.createSocket("udp4"), dgram.createSocket("udp4")
  local port = pong:bindSync({ address = "127.0.0.1" }).port
  ping:send("serve 1", port, "127.0.0.1")
  dgram.async(play)(pong, "pong")
  play(ping, "ping")
end)
