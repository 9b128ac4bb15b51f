-- What spec/neovim_spec.lua runs inside Neovim beside the example: prints the
-- notifications, and a socket whose messages are orders.
local dgram = require "dgram"

-- Prints a line for the spec.
local function say(...)
  io.stdout:write(table.concat({ ... }, " "), "\n")
  io.stdout:flush()
end

function vim.notify(text)
  say("notified", tostring(vim.in_fast_event()), text)
end

local orders = {
  raise = function() error("a listener raised") end,
  fast = function() say("fast", tostring(vim.in_fast_event())) end,
  name = vim.schedule_wrap(function()
    say("buffer", vim.api.nvim_buf_get_name(0))
  end),
  quit = vim.schedule_wrap(function() vim.cmd("qall!") end),
}

local socket = dgram.createSocket("udp4", function(msg)
  local order = orders[msg]
  if order then order() else say("got", msg) end
end)
local port = socket:bindSync({ address = "127.0.0.1" }).port

vim.wait(5000, function() return vim.g.inbox_port ~= nil end, 5)
say("inbox", vim.g.inbox_port, "orders", port)
