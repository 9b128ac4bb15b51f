-- SPDX-License-Identifier: MIT
-- Socket options and multicast membership. The descriptor is opened on first
-- need, so all of them work before bind.

local check = require "dgram.check"
local core = require "dgram.core"
local errors = require "dgram.errors"

local EINVAL = core.errno "EINVAL"

-- Sets an option of the core or raises the system's error.
local function set(self, syscall, name, value)
  local ok, errno = self:_need():set(name, value)
  if not ok then errors.raise(errors.system(syscall, errno)) end
end

-- Returns an option of the core, or raises the system's error.
local function get(self, syscall, name)
  local value, errno = self:_need():get(name)
  if not value then errors.raise(errors.system(syscall, errno)) end
  return value
end

-- Joins or leaves a group, or raises the system's error.
local function membership(self, syscall, join, group, interface, source)
  local ok, errno = self:_need():membership(join, group, interface, source)
  if not ok then errors.raise(errors.system(syscall, errno)) end
end

-- Checks an interface: text, or an index.
local function check_interface(interface)
  if type(interface) == "number" then
    return ("%d"):format(check.range("multicastInterface", interface, 1,
      2 ^ 31 - 1))
  end
  return check.string("multicastInterface", interface)
end

-- Checks a group and an optional interface.
local function check_group(group, interface)
  if group == nil or group == "" then
    errors.throw("TypeError", "ERR_MISSING_ARGS",
      'The "multicastAddress" argument must be specified')
  end
  check.string("multicastAddress", group)
  return interface ~= nil and check_interface(interface) or nil
end

-- Sets a buffer size, or raises.
local function set_buffer(self, name, size)
  size = check.buffer_size(size)
  local ok, errno = self:_need():set(name, size)
  if not ok then errors.raise(errors.buffer_size("setsockopt", errno)) end
end

-- Returns a buffer size, or raises.
local function get_buffer(self, name)
  local size, errno = self:_need():get(name)
  if not size then errors.raise(errors.buffer_size("getsockopt", errno)) end
  return size
end

local Socket = {}

--- Allows or forbids sending to broadcast addresses (SO_BROADCAST).
-- @param flag anything; nil and false forbid
function Socket:setBroadcast(flag)
  set(self, "setBroadcast", "broadcast", flag and 1 or 0)
end

--- Sets the hops a datagram may travel (IP_TTL, IPV6_UNICAST_HOPS).
-- @tparam integer ttl 1 to 255
-- @return ttl
function Socket:setTTL(ttl)
  check.number("ttl", ttl)
  self:_need()
  local hops = check.integer(ttl)
  if not hops or hops < 1 or hops > 255 then
    errors.raise(errors.system("setTTL", EINVAL))
  end
  set(self, "setTTL", "ttl", hops)
  return ttl
end

--- Sets the hops a multicast datagram may travel (IP_MULTICAST_TTL).
-- @tparam integer ttl 0 to 255
-- @return ttl
function Socket:setMulticastTTL(ttl)
  check.number("ttl", ttl)
  self:_need()
  local hops = check.integer(ttl)
  if not hops or hops < 0 or hops > 255 then
    errors.raise(errors.system("setMulticastTTL", EINVAL))
  end
  set(self, "setMulticastTTL", "multicastTTL", hops)
  return ttl
end

--- Lets this host hear its own multicast, or not (IP_MULTICAST_LOOP).
-- @return flag
function Socket:setMulticastLoopback(flag)
  set(self, "setMulticastLoopback", "multicastLoopback", flag and 1 or 0)
  return flag
end

--- Chooses the interface multicast leaves by.
-- @tparam string|integer interface an address, a name, an index, "::%zone"
function Socket:setMulticastInterface(interface)
  self:_running()
  interface = check_interface(interface)
  local ok, errno = self:_need():multicastInterface(interface)
  if not ok then errors.raise(errors.system("setMulticastInterface", errno)) end
end

--- Joins a multicast group.
-- @tparam string group an address
-- @tparam[opt] string|integer interface an address, a name, an index,
--   "::%zone", or "*" for every interface; the system's choice unless given
function Socket:addMembership(group, interface)
  self:_running()
  interface = check_group(group, interface)
  membership(self, "addMembership", true, group, interface)
end

--- Leaves a multicast group.
function Socket:dropMembership(group, interface)
  self:_running()
  interface = check_group(group, interface)
  membership(self, "dropMembership", false, group, interface)
end

-- Joins or leaves a group of one source.
local function source_membership(self, syscall, join, source, group,
  interface)
  self:_running()
  check.string("sourceAddress", source)
  check.string("groupAddress", group)
  interface = check_group(group, interface)
  membership(self, syscall, join, group, interface, source)
end

--- Joins a multicast group to hear one source only.
function Socket:addSourceSpecificMembership(source, group, interface)
  source_membership(self, "addSourceSpecificMembership", true, source,
    group, interface)
end

--- Stops to hear one source of a multicast group.
function Socket:dropSourceSpecificMembership(source, group, interface)
  source_membership(self, "dropSourceSpecificMembership", false, source,
    group, interface)
end

--- Sets type of service, or traffic class, of what is sent (IP_TOS, IPV6_TCLASS).
-- @tparam integer tos 0 to 255; the two low bits are ECN
-- @return the socket
function Socket:setTypeOfService(tos)
  set(self, "setTypeOfService", "typeOfService", check.range("tos", tos, 0, 255))
  return self
end

--- Returns type of service, or traffic class.
function Socket:getTypeOfService()
  return get(self, "getTypeOfService", "typeOfService")
end

--- Forbids that datagrams are cut up on their way, or allows it
-- (IP_MTU_DISCOVER): then send fails with EMSGSIZE for what is too large.
-- @param flag anything; nil and false allow
-- @return the socket
function Socket:setDontFragment(flag)
  local ok, errno = self:_need():dontFragment(flag)
  if not ok then errors.raise(errors.system("setDontFragment", errno)) end
  return self
end

--- Returns the bytes that a packet to the peer may have, with its headers, as far
-- as is known (IP_MTU, IPV6_MTU). Raises ERR_SOCKET_DGRAM_NOT_CONNECTED.
function Socket:getMTU()
  self:_running()
  if self._connected ~= "connected" then
    errors.throw_fixed("ERR_SOCKET_DGRAM_NOT_CONNECTED")
  end
  return get(self, "getMTU", "mtu")
end

-- The options that set and get know by name: the largest value of a number,
-- false of a flag.
local OPTIONS = { priority = 2 ^ 31 - 1, mark = 2 ^ 32 - 1, freeBind = false,
  transparent = false, incomingCpu = 2 ^ 31 - 1 }

-- Checks the name of an option; returns the largest value, false for a flag.
local function check_option(name)
  local most = OPTIONS[check.string("name", name)]
  if most == nil then
    local names = {}
    for each in pairs(OPTIONS) do names[#names + 1] = each end
    table.sort(names)
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
      ("The argument 'name' must be one of: %s. Received '%s'"):format(
        table.concat(names, ", "), name))
  end
  return most
end

--- Sets an option: priority, mark, freeBind, transparent, incomingCpu.
-- @tparam string name of the option
-- @tparam integer|boolean value
-- @return the socket. Raises setsockopt(2)'s errors
function Socket:setOption(name, value)
  local most = check_option(name)
  if most then value = check.range("value", value, 0, most)
  else value = check.boolean("value", value) and 1 or 0 end
  if value > 0x7fffffff then value = value - 0x100000000 end -- the core's int
  set(self, "setOption " .. name, name, value)
  return self
end

--- Returns the value of such an option.
function Socket:getOption(name)
  local most = check_option(name)
  local value = get(self, "getOption " .. name, name)
  if not most then return value ~= 0 end
  return name == "mark" and value < 0 and value + 0x100000000 or value
end

--- Returns the bytes of the receive buffer (SO_RCVBUF).
function Socket:getRecvBufferSize()
  return get_buffer(self, "recvBufferSize")
end

--- Sets the bytes of the receive buffer; the kernel may grant others.
function Socket:setRecvBufferSize(size)
  set_buffer(self, "recvBufferSize", size)
end

--- Returns the bytes of the send buffer (SO_SNDBUF).
function Socket:getSendBufferSize()
  return get_buffer(self, "sendBufferSize")
end

--- Sets the bytes of the send buffer; the kernel may grant others.
function Socket:setSendBufferSize(size)
  set_buffer(self, "sendBufferSize", size)
end

return Socket
