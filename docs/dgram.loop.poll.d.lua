---@meta dgram.loop.poll
-- What it has stands in dgram.d.lua.

---@type dgram.loop.poll
local module = {}

return module
