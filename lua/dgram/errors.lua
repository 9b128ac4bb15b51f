-- SPDX-License-Identifier: MIT
-- The errors of the module: tables with name, message and code, and for the
-- system's errors errno, syscall, address and port.

local core = require "dgram.core"

local Error = {}
Error.__index = Error
Error.__name = "dgram.Error"

--- Spells an error as Node does, name, colon, message; then, if it was thrown, where
-- the script made the call.
function Error:__tostring()
  local text = tostring(self.name) .. ": " .. tostring(self.message)
  return self.place and text .. " (" .. self.place .. ")" or text
end

local errors = {}

--- Makes an error of a class ("Error", "TypeError", "RangeError") and a code.
function errors.new(name, code, message)
  return setmetatable({ name = name, code = code, message = message }, Error)
end

local HERE = debug.getinfo(1, "S").source:gsub("errors%.lua$", "")

-- Tells whether a function is the library's own.
local function is_ours(info)
  return info.what == "C" or info.what == "tail" or info.source:sub(1, #HERE) == HERE
    or info.source == HERE:gsub("/$", "") .. ".lua"
end

-- Returns the line outside the library that called it, "script.lua:12", or nil.
local function place_of_call()
  local level = 3
  local info = debug.getinfo(level, "Sl")
  while info and is_ours(info) do
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  return info and info.currentline > 0
    and info.short_src .. ":" .. info.currentline or nil
end

--- Raises an error of a call the script made: it tells where that was, in its
-- text and with the whole way there in `stack`. (Not on LuaJIT: a traceback in a
-- finalizer that compiled code was interrupted for crashes 2.1.0-beta3.)
function errors.raise(err)
  err.place = place_of_call()
  err.stack = tostring(err)
  if not rawget(_G, "jit") then err.stack = debug.traceback(err.stack, 2) end
  error(err, 0)
end

--- Raises what an event brought to a call that waited. An error of ours tells where
-- that was, unless it has been raised before.
function errors.reraise(err)
  if getmetatable(err) == Error and not err.place then errors.raise(err) end
  error(err, 0)
end

--- Raises an error of a class and a code.
function errors.throw(name, code, message)
  errors.raise(errors.new(name, code, message))
end

-- The errors whose text never changes: code = { name, message }.
local fixed = {
  ERR_SOCKET_BAD_TYPE = { "TypeError", "Bad socket type specified. "
    .. "Valid types are: udp4, udp6, unix_dgram" },
  ERR_SOCKET_ALREADY_BOUND = { "Error", "Socket is already bound" },
  ERR_SOCKET_DGRAM_NOT_RUNNING = { "Error", "Not running" },
  ERR_SOCKET_DGRAM_IS_CONNECTED = { "Error", "Already connected" },
  ERR_SOCKET_DGRAM_NOT_CONNECTED = { "Error", "Not connected" },
  ERR_SOCKET_NOT_BOUND = { "Error",
    "Not bound: nothing can come to a unix socket without a path" },
  ERR_SOCKET_FORKED = { "Error",
    "Socket belongs to the process that forked this one" },
  ERR_SOCKET_BAD_BUFFER_SIZE = { "TypeError",
    "Buffer size must be a positive integer" },
}

--- Makes an error whose text never changes.
function errors.fixed(code)
  return errors.new(fixed[code][1], code, fixed[code][2])
end

--- Raises an error whose text never changes.
function errors.throw_fixed(code)
  errors.raise(errors.fixed(code))
end

-- Spells where a system call was directed.
local function place(address, port)
  if address == nil then return "" end
  if port and port ~= 0 then return (" %s:%d"):format(address, port) end
  return " " .. address
end

--- Makes the error of a system call. errno is negative; address and port
-- tell where it was directed, as far as there are any.
function errors.system(syscall, errno, address, port)
  local code = core.errname(errno)
  local err = errors.new("Error", code,
    syscall .. " " .. code .. place(address, port))
  err.errno, err.syscall = errno, syscall
  err.address = address
  if port and port ~= 0 then err.port = port end
  return err
end

--- Makes the error of a host name's lookup.
function errors.lookup(host, code, errno)
  local err = errors.new("Error", code, "getaddrinfo " .. code .. " " .. host)
  err.errno, err.syscall, err.hostname = errno, "getaddrinfo", host
  return err
end

--- Makes the error of a buffer size the system does not take.
function errors.buffer_size(syscall, errno)
  local code, text = core.errname(errno), core.strerror(errno)
  local err = errors.new("SystemError", "ERR_SOCKET_BUFFER_SIZE",
    ("Could not get or set buffer size: %s returned %s (%s)"):format(
      syscall, code, text))
  err.info = { errno = errno, code = code, message = text, syscall = syscall }
  err.errno, err.syscall = errno, syscall
  return err
end

--- Makes the error for an 'error' event whose value is none.
function errors.unhandled(value)
  local err = errors.new("Error", "ERR_UNHANDLED_ERROR",
    "Unhandled error. ("
      .. (type(value) == "string" and "'" .. value .. "'" or tostring(value))
      .. ")")
  err.context = value
  return err
end

--- Makes the error of a destination on the block list.
function errors.blocked(address)
  return errors.new("Error", "ERR_IP_BLOCKED",
    "IP(" .. address .. ") is blocked by net.BlockList")
end

return errors
