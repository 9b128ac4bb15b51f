-- SPDX-License-Identifier: MIT
-- Host names to addresses: through the user's `lookup`, or the loop's
-- resolver. A numeric address is its own answer.

local core = require "dgram.core"
local errors = require "dgram.errors"

local M = {}

-- What getaddrinfo says when there is no such name.
local NOT_FOUND = {
  EAI_NONAME = true, EAI_NODATA = true, EAI_ADDRFAMILY = true, EINVAL = true,
}

local NOTFOUND_ERRNO = -3008 -- as in Node and libuv

--- Tells whether a text is a numeric address.
function M.literal(text) return core.literal(text) ~= nil end

--- Raises unless an address is numeric.
function M.need_literal(address)
  if M.literal(address) then return end
  errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
    ("The argument 'address' must be a numeric IP address. "
      .. "Received '%s'"):format(address))
end

--- Returns 4 or 6, the family of a type of socket.
function M.family(type) return type == "udp6" and 6 or 4 end

-- Makes the error for a name the resolver does not know.
local function failure(host, code)
  if NOT_FOUND[code] then
    return errors.lookup(host, "ENOTFOUND", NOTFOUND_ERRNO)
  end
  return errors.lookup(host, code, core.errno(code))
end

-- Asks the user's function; it answers once at most, and may not raise.
local function ask_user(lookup, host, family, callback)
  local answered = false
  local function answer(err, address)
    if answered then return end
    answered = true
    callback(err, address)
  end
  local ok, err = pcall(lookup, host, family, answer)
  if not ok then answer(err or errors.lookup(host, "ENOTFOUND")) end
end

--- Resolves a name for a socket: callback(nil, address) or callback(err).
-- It may call back at once, when the user's `lookup` does.
function M.resolve(socket, host, callback)
  local family = M.family(socket.type)
  local lookup = socket._options.lookup
  if lookup then return ask_user(lookup, host, family, callback) end
  socket._turn.adapter.lookup(host, family, function(code, address)
    if code then return callback(failure(host, code)) end
    callback(nil, address)
  end)
end

return M
