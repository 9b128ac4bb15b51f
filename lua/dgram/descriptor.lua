-- SPDX-License-Identifier: MIT
-- Descriptors that came with a datagram, and the option of send that passes some.

local check = require "dgram.check"
local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"

local Descriptor = core.DESCRIPTOR
Descriptor.__name = "dgram.Descriptor"

local MOST = 253 -- descriptors of a datagram: Linux's SCM_MAX_FD

local take = Descriptor.take

--- Returns the number; the descriptor is the caller's from then on. Raises EBADF
-- when it was taken or closed before.
function Descriptor:take()
  local fd = take(self)
  if not fd then errors.raise(errors.system("take", core.errno "EBADF")) end
  return fd
end

--- Spells the descriptor.
function Descriptor:__tostring()
  return ("dgram.Descriptor (%s)"):format(self:fileno() or "closed")
end

local descriptor = {}

-- Returns the number of a descriptor, which is one or has one.
local function number(name, value)
  if type(value) == "number" then return check.range(name, value, 0, 2 ^ 31 - 1) end
  if type(value) ~= "userdata" or getmetatable(value) ~= Descriptor then
    check.type_error(name, "a number or a dgram.Descriptor", value)
  end
  local fd = value:fileno()
  if fd then return fd end
  errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
    ("The property '%s' was taken or closed"):format(name))
end

--- Checks an array of descriptors in a table of options; returns their numbers.
function descriptor.numbers(options, option)
  local list, name, numbers = options[option], "options." .. option, {}
  local count = type(list) == "table" and compat.rawlen(list)
  if not count or (count == 0 and (getmetatable(list) or next(list) ~= nil)) then
    check.type_error(name, "an array", list)
  end
  if count > MOST then
    errors.throw("RangeError", "ERR_OUT_OF_RANGE",
      ("The array '%s' has %d descriptors. A datagram passes %d at most"):format(
        name, count, MOST))
  end
  for i = 1, count do
    numbers[i] = number(("%s[%d]"):format(name, i), list[i])
  end
  return numbers
end

return descriptor
