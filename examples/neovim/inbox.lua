-- A Neovim plugin: datagrams that arrive become notifications.
--
--   cp inbox.lua ~/.config/nvim/plugin/     or  :luafile inbox.lua
--   :echo g:inbox_port                      the port, if none was set before
--   printf 'the build failed' | socat - UDP4:127.0.0.1:PORT
--
-- Listeners are called in Neovim's fast context, where most of vim.api is
-- forbidden: vim.schedule_wrap puts them off until it is allowed.
local dgram = require "dgram"

local socket = dgram.createSocket("udp4")

socket:on("message", vim.schedule_wrap(function(msg, rinfo)
  vim.notify(("%s:%d: %s"):format(rinfo.address, rinfo.port, msg))
end))

socket:on("error", vim.schedule_wrap(function(err)
  vim.notify("inbox: " .. err.message, vim.log.levels.ERROR)
end))

socket:bind(vim.g.inbox_port or 0, "127.0.0.1", function()
  local port = socket:address().port
  vim.schedule(function() vim.g.inbox_port = port end)
end)

vim.api.nvim_create_autocmd("VimLeavePre", {
  callback = function() socket:close() end,
})
