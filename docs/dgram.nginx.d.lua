---@meta dgram.nginx
-- What it has stands in dgram.d.lua.

---@type dgram.nginx
local module = {}

return module
