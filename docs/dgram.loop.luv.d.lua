---@meta dgram.loop.luv
-- What it has stands in dgram.d.lua.

---@type dgram.loop.luv
local module = {}

return module
