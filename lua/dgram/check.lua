-- SPDX-License-Identifier: MIT
-- Argument checks. Each returns the value in the form the core wants, or
-- raises the documented error, which names the argument.

local compat = require "dgram.compat"
local errors = require "dgram.errors"

local check = {}

-- Spells a number as Node does.
local function spell(number)
  if number ~= number then return "NaN" end
  if number == math.huge then return "Infinity" end
  if number == -math.huge then return "-Infinity" end
  if number == math.floor(number) and math.abs(number) < 2 ^ 53 then
    return ("%.0f"):format(number)
  end
  return tostring(number)
end

-- Spells what was received instead.
local function received(value)
  local kind = type(value)
  if value == nil then return "Received nil" end
  if kind == "string" then
    local start = #value > 28 and value:sub(1, 25) .. "..." or value
    return ("Received type string ('%s')"):format(start)
  end
  if kind == "number" then
    return ("Received type number (%s)"):format(spell(value))
  end
  if kind == "boolean" then
    return ("Received type boolean (%s)"):format(tostring(value))
  end
  if kind == "function" then return "Received function" end
  return "Received a " .. kind
end

--- Raises ERR_INVALID_ARG_TYPE. A name with a dot is a property.
function check.type_error(name, expected, value)
  local noun = name:find(".", 1, true) and "property" or "argument"
  errors.throw("TypeError", "ERR_INVALID_ARG_TYPE",
    ('The "%s" %s must be %s. %s'):format(name, noun, expected,
      received(value)))
end

-- Raises ERR_OUT_OF_RANGE for a number.
local function range_error(name, range, value)
  errors.throw("RangeError", "ERR_OUT_OF_RANGE",
    ('The value of "%s" is out of range. It must be %s. Received %s'):format(
      name, range, spell(value)))
end

--- Returns whether a value can be called: a function, or a once-wrapper.
function check.callable(value)
  if type(value) == "function" then return true end
  local mt = type(value) == "table" and getmetatable(value)
  return type(mt) == "table" and type(rawget(mt, "__call")) == "function"
end

--- Sorts optional arguments, ([options] [, callback]): returns both. Other values
-- are nobody's.
function check.optional(options, callback)
  if check.callable(options) then return nil, options end
  return type(options) == "table" and options or nil, callback
end

--- Checks an emitter's listener.
function check.listener(value)
  if not check.callable(value) then
    check.type_error("listener", "of type function", value)
  end
  return value
end

-- Makes the check of one of Lua's types: (name, value) returns the value.
local function of_type(kind)
  return function(name, value)
    if type(value) ~= kind then check.type_error(name, "of type " .. kind, value) end
    return value
  end
end

check.string, check.boolean = of_type "string", of_type "boolean"
check.table, check.number = of_type "table", of_type "number"

--- Returns a whole number as an integer, nil when it is none.
function check.integer(value)
  if type(value) ~= "number" then return nil end
  if value ~= math.floor(value) or math.abs(value) > 2 ^ 53 then return nil end
  return compat.integer(value)
end

--- Checks a whole number from low to high.
function check.range(name, value, low, high)
  check.number(name, value)
  local integer = check.integer(value)
  if not integer then range_error(name, "an integer", value) end
  if integer < low or integer > high then
    range_error(name, (">= %d && <= %d"):format(low, high), value)
  end
  return integer
end

--- Checks a port; numeric strings are accepted, 0 only if allowed. The name is
-- what an error calls it.
function check.port(value, zero_allowed, name)
  local number = value
  if type(value) == "string" then
    number = value:find("^%s*[%dxXa-fA-F]+%s*$") and tonumber(value) or nil
  end
  local port = check.integer(number)
  if not port or port < 0 or port > 65535 or (port == 0 and not zero_allowed)
  then
    local least = zero_allowed and ">=" or ">"
    errors.throw("RangeError", "ERR_SOCKET_BAD_PORT",
      ("%s should be %s 0 and < 65536. %s."):format(name or "Port", least,
        received(value)))
  end
  return port
end

-- Raises ERR_BUFFER_OUT_OF_BOUNDS.
local function out_of_bounds(name)
  errors.throw("RangeError", "ERR_BUFFER_OUT_OF_BOUNDS",
    ('"%s" is outside of buffer bounds'):format(name))
end

--- Checks a slice of size bytes; returns offset and length in bytes.
function check.slice(size, offset, length)
  check.number("offset", offset)
  check.number("length", length)
  local first, count = check.integer(offset), check.integer(length)
  if not first or first < 0 or first > size then out_of_bounds("offset") end
  if not count or count < 0 or first + count > size then
    out_of_bounds("length")
  end
  return first, count
end

--- Returns a message as one string; an array is joined.
function check.message(value)
  if type(value) == "string" then return value end
  local count = type(value) == "table" and compat.rawlen(value)
  if not count or (count == 0 and getmetatable(value)) then
    check.type_error("buffer", "of type string", value)
  end
  local parts = {}
  for i = 1, count do
    parts[i] = rawget(value, i)
    if type(parts[i]) ~= "string" then
      check.type_error("buffer list arguments", "of type string", value)
    end
  end
  return table.concat(parts)
end

--- Checks a buffer size in bytes.
function check.buffer_size(value)
  local size = check.integer(value)
  if not size or size < 1 or size > 2 ^ 31 - 1 then
    errors.throw_fixed("ERR_SOCKET_BAD_BUFFER_SIZE")
  end
  return size
end

--- Checks an optional text that is not empty.
function check.option_text(options, name)
  local text = options[name]
  if text == nil then return nil end
  if check.string("options." .. name, text) == "" then
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
      ("The property 'options.%s' must not be empty"):format(name))
  end
  return text
end

-- Tells whether a list has a value.
local function contains(list, value)
  for _, each in ipairs(list) do
    if each == value then return true end
  end
  return false
end

--- Checks an optional array of names; each must be in a list.
function check.option_names(options, option, list)
  local names, property = options[option], "options." .. option
  if names == nil then return nil end
  if type(names) ~= "table" then check.type_error(property, "an array", names) end
  for key, name in pairs(names) do
    if not contains(list, name) or type(key) ~= "number" then
      errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
        ("The property '%s' is an array of: %s. %s"):format(property,
          table.concat(list, ", "), received(type(key) == "number" and name or key)))
    end
  end
  return names
end

--- Checks an optional whole number of an option's table.
function check.option_integer(options, name, low, high)
  if options[name] == nil then return nil end
  return check.range("options." .. name, options[name], low, high)
end

-- Counts the changes that make one word of another (Levenshtein).
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local corner = row[0]
    row[0] = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      corner, row[j] = row[j],
        math.min(row[j] + 1, row[j - 1] + 1, corner + (same and 0 or 1))
    end
  end
  return row[#b]
end

-- Returns the known name that is nearest to one that is not, nil if none is
-- near.
local function nearest(name, known)
  local best, least = nil, math.min(4, #tostring(name) / 2 + 1)
  for each in pairs(known) do
    local changes = distance(tostring(name):lower(), each:lower())
    if changes < least then best, least = each, changes end
  end
  return best
end

--- Raises for an option that is not known, and names the nearest that is.
function check.known_options(options, known)
  local name = next(options)
  while name ~= nil and known[name] do name = next(options, name) end
  if name == nil then return end
  local near = nearest(name, known)
  errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
    ("The property 'options.%s' is unknown."):format(tostring(name))
      .. (near and (" Did you mean '%s'?"):format(near) or ""))
end

return check
