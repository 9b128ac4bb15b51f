-- Talks to unix_echo_server.lua: sends the time, prints what comes back.
--   lua5.4 examples/unix_echo_client.lua [server path [own path]]
local dgram = require "dgram"
local uv = require "luv"

local server_path = arg[1] or "/tmp/dgram_server_sock"
local message = "A message at " .. os.date()
local client = dgram.createSocket("unix_dgram")

client:on("message", function(msg, rinfo)
  print("got: " .. msg .. " from " .. rinfo.address)
  client:close()
end)

client:on("listening", function()
  print("client listening " .. client:address().address)
  client:send(message, 0, #message, server_path, function(err)
    if not err then return end
    print("no answer: " .. err.message)
    client:close()
  end)
end)

client:bind(arg[2] or "/tmp/dgram_client_sock")

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() client:close() end)

uv.run()
