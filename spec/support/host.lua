-- What the specs of hosts share: commands, and the module built for others.
local uv = require "luv"

local host = {}

-- The output of a shell command, and whether it succeeded.
function host.output(command)
  local pipe = io.popen("{ " .. command .. "\n} 2>&1 && echo succeeded")
  local text = pipe:read("*a")
  pipe:close()
  local rest = text:match("^(.*)succeeded\n$")
  return rest or text, rest ~= nil
end

-- Whether a shell command succeeds.
function host.succeeds(command)
  return select(2, host.output(command))
end

-- Whether a program is installed.
function host.has(program)
  return host.succeeds("command -v " .. program)
end

--- A port for both UDP and TCP that is free, for a program that is told one: below
--- those that the system gives to who asks for any, of which a busy machine's other
--- programs would take it before that program does.
function host.free_port()
  local high, low = uv.random(2):byte(1, 2)
  local port = 10000 + (high * 256 + low) % 20000
  local udp, tcp = uv.new_udp(), uv.new_tcp()
  local free = udp:bind("127.0.0.1", port) and tcp:bind("127.0.0.1", port)
    and tcp:listen(1, function() end) -- which tells what bind found
  udp:close()
  tcp:close()
  return free and port or host.free_port()
end

-- The C and Lua files under a folder, as the keys of a table.
function host.files_in(folder, found)
  found = found or {}
  local dir = assert(uv.fs_scandir(folder))
  for name, kind in function() return uv.fs_scandir_next(dir) end do
    local path = folder .. "/" .. name
    if kind == "directory" then host.files_in(path, found)
    elseif name:find("%.lua$") or name:find("%.c$") then found[path] = true end
  end
  return found
end

-- The entry of LUA_CPATH where the core lies for the first of some interpreters
-- that has headers here, nil when none has; it is built if need be.
function host.core_path(...)
  for _, lua in ipairs { ... } do
    local text = host.output(
      "env -u LUA_INIT make -s --no-print-directory LUA=" .. lua .. " env")
    local path = text:match("LUA_CPATH='([^;]*)")
    local file = path and io.open((path:gsub("%?", "dgram/core")))
    if file then
      file:close()
      return path
    end
  end
end

return host
