---@meta dgram.loop.event
-- What it has stands in dgram.d.lua.

---@type dgram.loop.event
local module = {}

return module
