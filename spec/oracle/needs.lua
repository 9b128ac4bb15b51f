-- What a scenario may need of the machine; the head of its Lua side says so:
--   -- needs: IPv6
-- Where that is missing neither Node nor we would say what is recorded.
local traffic = require "spec.support.traffic"
local uv = require "luv"

local M = {}

-- Whether a function succeeds with a udp socket that is bound to ::1.
local function works(fn)
  local socket = uv.new_udp()
  local ok = socket:bind("::1", 0)
  ok = ok and fn(socket)
  socket:close()
  uv.run("nowait")
  return ok
end

-- How each need is tried.
local tried = {
  ["IPv6"] = function() return works(function() return true end) end,
  ["memberships of one source"] = traffic.has_sources,
  ["a route for IPv6 multicast"] = function()
    return works(function(socket)
      return socket:set_membership("ff02::1234", nil, "join")
    end)
  end,
}

local known = {} -- need -> whether the machine has it

-- What a scenario needs and this machine lacks; nil when nothing is missing.
function M.missing(name)
  for line in io.lines("spec/oracle/" .. name .. ".lua") do
    if not line:find("^%-%- ") then return nil end
    local need = line:match("^%-%- needs: (.*)")
    if need and known[need] == nil then known[need] = tried[need]() or false end
    if need and not known[need] then return need end
  end
end

return M
