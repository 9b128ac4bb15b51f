-- SPDX-License-Identifier: MIT
-- The descriptors that a service manager passes to a program it starts, by the
-- rules of sd_listen_fds(3).

local core = require "dgram.core"
local errors = require "dgram.errors"

local listen = {}

local FIRST = 3 -- the number of the first: SD_LISTEN_FDS_START
local MOST = 2 ^ 31 - 1 - FIRST

-- Raises the error of sd_listen_fds(3) for a number; EINVAL: a variable is
-- malformed.
local function fail(errno)
  errors.raise(errors.system("sd_listen_fds", errno))
end

-- Reads a number above 0 from a variable; nil when it is not set.
local function number(name, most)
  local text = os.getenv(name)
  if not text then return nil end
  local value = tonumber(text:match("^%s*%+?(%d+)$"))
  if not value or value < 1 or value > most then fail(core.errno "EINVAL") end
  return value
end

-- Splits LISTEN_FDNAMES, which must name them all if it is set.
local function names_of(count)
  local text, names = os.getenv "LISTEN_FDNAMES", {}
  if not text then return names end
  for name in (text .. ":"):gmatch("([^:]*):") do names[#names + 1] = name end
  if #names ~= count then fail(core.errno "EINVAL") end
  return names
end

--- Returns the descriptors that were passed to this process, as systemd and
-- systemd-socket-activate do (sd_listen_fds(3): LISTEN_FDS, LISTEN_PID,
-- LISTEN_FDNAMES); programs that it executes do not get them.
-- @return an array of {fd, name, type}, empty when they are for no process or
--   another; type as createSocket's, or in capitals what it is instead ("TCP",
--   "PIPE", "FILE", "TTY", "UNKNOWN"). Raises EINVAL when a variable is
--   malformed, EBADF when a descriptor is not open
function listen.fds()
  local list = {}
  if number("LISTEN_PID", 2 ^ 31 - 1) ~= core.pid() then return list end
  local count = number("LISTEN_FDS", MOST) or 0
  local names = count > 0 and names_of(count)
  for i = 1, count do
    local fd = FIRST + i - 1
    local ok, errno = core.closeOnExec(fd)
    if not ok then fail(errno) end
    list[i] = { fd = fd, name = names[i] or "unknown", type = (core.kind(fd)) }
  end
  return list
end

return listen
