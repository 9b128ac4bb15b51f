-- SPDX-License-Identifier: MIT
-- The one place for what differs between Lua 5.1 ... 5.5 and LuaJIT.

local M = {}

--- The length of a table, without metamethods.
M.rawlen = rawlen or function(value) return #value end -- luacheck: ignore

--- A whole number as an integer, where Lua tells integers from floats.
M.integer = math.tointeger or function(value) return value end -- luacheck: ignore

return M
