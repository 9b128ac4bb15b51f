-- SPDX-License-Identifier: MIT
-- The one place for what differs between Lua 5.1 ... 5.5 and LuaJIT.

local M = {}

--- The length of a table, without metamethods.
M.rawlen = rawlen or function(value) return #value end -- luacheck: ignore

--- A whole number as an integer, where Lua tells integers from floats.
M.integer = math.tointeger or function(value) return value end -- luacheck: ignore

--- table.unpack.
M.unpack = table.unpack or unpack -- luacheck: ignore

--- Closes the variables of a coroutine that failed, where variables have <close>.
M.close = coroutine.close or function() end -- luacheck: ignore

--- Has LuaJIT not compile a function; true, true: those of the file that says so. What
-- it compiles may run finalizers ahead of any instruction, for a trace may begin or end
-- there; what it interprets only where an object is made.
M.interpret = rawget(_G, "jit") and rawget(_G, "jit").off or function() end

--- Takes an element out of a list: table.remove, which LuaJIT compiles.
function M.remove(list, place)
  local element = list[place]
  for i = place, #list do list[i] = list[i + 1] end
  return element
end

M.interpret(M.remove)

--- Returns the running coroutine; for the main program what nothing equals.
function M.running() return (coroutine.running()) or M end

-- The functions of C that a coroutine can be suspended in.
local PASSABLE = {}
if _VERSION ~= "Lua 5.1" then PASSABLE = { [pcall] = true, [xpcall] = true } end

-- Tells why a coroutine of Lua 5.1 or 5.2 cannot be suspended here: something on
-- its stack was called from C; in Lua 5.1 a `for` does so, too.
local function boundary()
  local level = 4 -- who called boundary, yieldable, and its caller
  local info = debug.getinfo(level, "Snf")
  while info do
    if info.what == "C" and not PASSABLE[info.func] then
      return _VERSION .. " cannot suspend a coroutine within pcall (Lua 5.1) or "
        .. "another function of C"
    elseif info.name == "(for generator)" and _VERSION == "Lua 5.1" then
      return "Lua 5.1 cannot suspend a coroutine in the iterator of a `for`: "
        .. "call it in a `while`"
    end
    level = level + 1
    info = debug.getinfo(level, "Snf")
  end
end

--- Tells whether the running coroutine can be suspended: true, or false and
-- perhaps why.
function M.yieldable()
  local isyieldable = coroutine.isyieldable -- luacheck: ignore
  if isyieldable then return isyieldable() end
  local thread, main = coroutine.running()
  if not thread or main then return false end
  local why = boundary()
  return not why, why or nil
end

return M
