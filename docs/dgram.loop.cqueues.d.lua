---@meta dgram.loop.cqueues
-- What it has stands in dgram.d.lua.

---@type dgram.loop.cqueues
local module = {}

return module
