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

-- The numbers of the resolver's errors, as in Node and libuv.
local ERRNO = {
  EAI_AGAIN = -3001, EAI_BADFLAGS = -3002, EAI_CANCELED = -3003,
  EAI_FAIL = -3004, EAI_FAMILY = -3005, EAI_MEMORY = -3006,
  EAI_OVERFLOW = -3009, EAI_PROTOCOL = -3014, EAI_SERVICE = -3010,
  EAI_SOCKTYPE = -3011, ENOTFOUND = -3008,
}

--- Raises unless an address is numeric; name tells what it is, call whose.
function M.need_literal(name, address, call)
  if core.literal(address) then return end
  errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
    ("The %s must be a numeric IP address; %s does not perform DNS resolution. "
      .. "Received '%s'"):format(name, call, address))
end

-- Makes the error for a name the resolver does not know.
local function failure(host, code)
  if NOT_FOUND[code] then
    return errors.lookup(host, "ENOTFOUND", ERRNO.ENOTFOUND)
  end
  return errors.lookup(host, code, ERRNO[code] or core.errno(code))
end

-- Checks the answer of the user's function.
local function check_answer(err, address)
  if err or (type(address) == "string" and core.literal(address)) then return err end
  return errors.new("TypeError", "ERR_INVALID_IP_ADDRESS",
    "Invalid IP address: " .. tostring(address))
end

-- Asks the user's function; it answers once at most, and may not raise. What
-- it answers at once is passed on when it has returned.
local function ask_user(lookup, host, family, callback)
  local asking, answered, err, address = true, false, nil, nil
  local function answer(...)
    if answered then return end
    answered, err, address = true, check_answer(...), (select(2, ...))
    if not asking then callback(err, address) end
  end
  local ok, problem = pcall(lookup, host, family, answer)
  if not ok then answer(problem or errors.lookup(host, "ENOTFOUND")) end
  asking = false
  if answered then callback(err, address) end
end

-- Asks the loop's resolver, or where it has none the core's, which blocks: its answer
-- comes in a later turn, too.
local function ask_loop(adapter, host, family, callback)
  if adapter.lookup then return adapter.lookup(host, family, callback) end
  local address, code = core.resolve(host, family)
  adapter.timer(function() callback(code, address) end):start(0)
end

--- Resolves a name for a socket: callback(nil, address) or callback(err), in a turn
-- of the loop; at once, when the user's `lookup` answers so.
function M.resolve(socket, host, callback)
  local family, scheduler = socket._family.version, socket._scheduler
  local lookup = socket._options.lookup
  if lookup then return ask_user(lookup, host, family, callback) end
  if host:find("\0", 1, true) then -- a resolver would see its beginning only
    return scheduler:defer(callback, failure(host, "EAI_NONAME"))
  end
  local code, address
  local function tell()
    if code then return callback(failure(host, code)) end
    callback(nil, address)
  end
  ask_loop(scheduler.adapter, host, family, function(...)
    code, address = ...
    if not scheduler.core:ended() then scheduler:defer(tell) end
  end)
end

return M
