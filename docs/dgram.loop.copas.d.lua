---@meta dgram.loop.copas
-- What it has stands in dgram.d.lua.

---@type dgram.loop.copas
local module = {}

return module
