-- SPDX-License-Identifier: MIT
-- BlockList, as Node's net.BlockList: addresses, ranges and subnets that a
-- socket does not hear or does not send to. The rules live in the core, which
-- checks a sender before Lua sees its datagram.

local check = require "dgram.check"
local core = require "dgram.core"
local errors = require "dgram.errors"

local BlockList = { __name = "dgram.BlockList" }

-- The methods, and the rules in words, the newest first: a new list each time, for
-- to keep it so would make each rule as costly as there are rules.
function BlockList.__index(list, key)
  if key ~= "rules" then return BlockList[key] end
  local rules, count = {}, #list.words
  for i, words in ipairs(list.words) do rules[count + 1 - i] = words end
  return rules
end

-- Checks an address of a family ("ipv4" unless given); returns both.
local function address_of(name, address, family)
  check.string(name, address)
  family = family == nil and "ipv4" or family
  check.string("family", family)
  family = family:lower()
  local version = ({ ipv4 = 4, ipv6 = 6 })[family]
  if not version then
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
      ("The property 'options.family' is invalid. Received '%s'"):format(
        family))
  end
  if core.literal(address) ~= version or address:find("%", 1, true) then
    errors.throw("Error", "ERR_INVALID_ADDRESS", "Invalid socket address")
  end
  return address, version
end

-- Notes a rule in words.
local function note(self, rule, ...)
  self.words[#self.words + 1] = rule:format(...)
end

local SPELT = { [4] = "IPv4", [6] = "IPv6" }

--- Blocks one address of a family ("ipv4", "ipv6").
function BlockList:addAddress(address, family)
  local _, version = address_of("address", address, family)
  self.core:add(address, address) -- raises when there is no memory
  note(self, "Address: %s %s", SPELT[version], address)
end

--- Blocks the addresses from first to last, both included.
function BlockList:addRange(first, last, family)
  local _, version = address_of("start", first, family)
  address_of("end", last, family)
  if not self.core:add(first, last) then
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
      "The argument 'start' must come before " .. last
        .. ". Received '" .. first .. "'")
  end
  note(self, "Range: %s %s-%s", SPELT[version], first, last)
end

--- Blocks a subnet; prefix is its length in bits.
function BlockList:addSubnet(net, prefix, family)
  local _, version = address_of("network", net, family)
  prefix = check.range("prefix", prefix, 0, version == 4 and 32 or 128)
  self.core:subnet(net, prefix)
  note(self, "Subnet: %s %s/%d", SPELT[version], net, prefix)
end

--- Tells whether an address is blocked; false when it is no address.
function BlockList:check(address, family)
  check.string("address", address)
  local version = core.literal(address)
  family = family or "ipv4"
  check.string("family", family)
  if version ~= (family:lower() == "ipv6" and 6 or 4) then return false end
  return self.core:check(address)
end

local M = {}

--- Makes an empty block list.
function M.new()
  return setmetatable({ core = core.blocklist(), words = {} }, BlockList)
end

--- Returns the core of a block list for an option; raises when it is none.
function M.option(options, name)
  local value = options[name]
  if value == nil then return nil end
  if type(value) ~= "table" or getmetatable(value) ~= BlockList then
    check.type_error("options." .. name, "an instance of BlockList", value)
  end
  return value.core
end

return M
