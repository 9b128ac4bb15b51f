-- SPDX-License-Identifier: MIT
-- What differs between the families of sockets, in one table each: how they
-- spell addresses and arguments, what needs a lookup, and how they bind.

local check = require "dgram.check"
local core = require "dgram.core"
local descriptor = require "dgram.descriptor"
local errors = require "dgram.errors"
local lookup = require "dgram.lookup"

local CORE = core.FIELD

-- IP: addresses and ports.
local ip = { binds_to_send = true, known_to_bind = { port = true, address = true,
  family = true, fd = true, exclusive = true } }

--- Tells whether an address needs no lookup.
function ip.direct(address) return core.literal(address) ~= nil end

--- Tells whether a block list forbids to send to an address.
function ip.blocked(list, address)
  return list ~= nil and address ~= nil and list:check(address)
end

--- Makes the table that tells of an address.
function ip:describe(address, port)
  return { address = address, family = self.name, port = port }
end

-- Checks an optional address; the name is what an error calls it.
local function address_or(default, address, name)
  if address ~= nil then check.string(name or "address", address) end
  if address == nil or address == "" then return default end
  return address
end

--- Sorts bind's arguments ([port] [, address] [, callback]) into options.
function ip.bind_options(port, address)
  if type(address) == "function" then return { port = port }, address end
  return { port = port, address = address }
end

--- Checks the options of bind; returns address and port.
function ip:bind_target(options)
  local address = address_or(self.any, options.address)
  return address, check.port(options.port or 0, true)
end

--- Checks the options of bindSync, as Node does; returns address and port.
function ip:bind_sync_target(options)
  local port = check.port(options.port or 0, true, "options.port")
  local address = address_or(self.any, options.address, "options.address")
  lookup.need_literal("property 'options.address'", address, "bindSync")
  return address, port
end

--- Binds the core's socket; returns nil, errno on failure.
function ip.bind(socket, address, port) return socket[CORE]:bind(address, port) end

--- Sorts and checks connect's arguments (port [, address] [, callback]):
-- returns port, address, callback.
function ip:connect_target(port, address, callback)
  port = check.port(port)
  if type(address) == "function" then address, callback = nil, address end
  return port, address_or(self.loopback, address), callback
end

--- Sorts and checks the destination of a send,
-- (port [, address] [, options] [, callback]): returns these.
function ip:send_target(port, address, options, callback)
  port = check.port(port)
  if type(address) == "table" or type(address) == "function" then
    address, options, callback = nil, address, options
  end
  return port, address_or(self.loopback, address), check.optional(options, callback)
end

--- Tells whether the arguments of a send begin with offset and length: then a
-- port stands third, or an address fourth. It is none if options stand third, or a
-- callback fourth behind options that are nil.
function ip.is_sliced(_, length, port, address)
  if type(port) == "table" then return false end
  if port == nil and check.callable(address) then return type(length) == "number" end
  return address and true
    or (port ~= nil and port ~= false and not check.callable(port))
end

-- Checks the source address of a datagram.
local function local_address(options, name)
  local address = check.string("options." .. name, options[name])
  if core.literal(address) then return address end
  errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
    ("The property 'options.%s' must be a numeric IP address. Received '%s'"):format(
      name, address))
end

-- Checks the interface a datagram leaves by, its name or index.
local function interface(value, name)
  if type(value) == "number" then return check.range(name, value, 1, 2 ^ 31 - 1) end
  if type(value) == "string" and value ~= "" then return value end
  check.type_error(name, "the name or the index of an interface", value)
end

-- Checks the same as an option.
local function interface_option(options, name)
  return interface(options[name], "options." .. name)
end

-- Makes the check of a whole number.
local function integer(low, high)
  return function(options, name)
    return check.option_integer(options, name, low, high)
  end
end

-- Refuses an option that the platform lacks.
local function lacking(_, name)
  local err = errors.system("send", core.errno "ENOTSUP")
  err.message = ("%s (options.%s)"):format(err.message, name)
  errors.raise(err)
end

-- The options of a send, and how each is checked.
local SEND = { localAddress = local_address, interface = interface_option,
  ttl = integer(1, 255), typeOfService = integer(0, 255) }

-- Makes the options of a send that a version of IP has here.
local function send_options(version)
  local options = {}
  for name, read in pairs(SEND) do
    options[name] = core.supports(version, name) and read or lacking
  end
  return options
end

--- Checks that a sender can be answered; returns its port and address.
function ip.sender(rinfo)
  local address = check.string("rinfo.address", rinfo.address)
  if rinfo.port == 0 then
    errors.throw("RangeError", "ERR_SOCKET_BAD_PORT",
      "The sender has port 0, so it cannot be answered")
  end
  if address == "" then
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE", "The sender has no address")
  end
  return rinfo.port, address
end

--- Adds to the job of an answer where it goes, and where it leaves from: the address
-- and the interface that the datagram was sent to, as far as rinfo tells. A group and a
-- broadcast address are no source.
function ip.answer(job, rinfo)
  local from, by = rinfo.localAddress, rinfo.interface
  job.address, job.port = rinfo.address, check.port(rinfo.port)
  if from and core.isSource(check.string("rinfo.localAddress", from)) then
    job.localAddress = from
  end
  job.interface = by and interface(by, "rinfo.interface") or nil
end

--- Sends to an address and a port.
function ip.send_to(socket, msg, port, address, callback)
  return socket:send(msg, port, address, callback)
end

--- Checks what sendto must be given.
function ip.check_sendto(port, address)
  check.number("port", port)
  check.string("address", address)
end

--- Takes the port back that the kernel forgot with the peer.
function ip.rebind(socket, port)
  local address, now = socket[CORE]:name()
  if not address then return nil, now end
  if now ~= 0 or not port or port < 1 then return true end
  return socket[CORE]:bind(address, port)
end

-- Unix: paths and abstract names. They need not be bound to send.
local unix = { any = "", send_options = { descriptors = descriptor.numbers },
  known_to_bind = { path = true, address = true, mode = true, fd = true, exclusive = true } }

function unix.direct() return true end

function unix.blocked() return false end

function unix.describe(_, address) return { address = address } end

--- Sorts bind's arguments ([path] [, callback]) into options.
function unix.bind_options(path, callback) return { path = path }, callback end

--- Checks the options of bind; returns path and mode.
function unix.bind_target(_, options)
  local path = options.path or options.address
  if path ~= nil then check.string("path", path) end
  return path or "", check.option_integer(options, "mode", 0, 511)
end

unix.bind_sync_target = unix.bind_target

--- Binds the core's socket; returns nil, errno on failure.
function unix.bind(socket, path, mode)
  return socket[CORE]:bindPath(path, mode or socket._options.mode)
end

--- Sorts and checks connect's arguments (path [, callback]).
function unix.connect_target(_, path, callback)
  check.string("path", path)
  if path == "" then
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
      "The argument 'path' must not be empty: who has no name gets no answer")
  end
  return nil, path, callback
end

--- Sorts and checks the destination of a send, (path [, options] [, callback]):
-- returns no port, and these.
function unix:send_target(path, options, callback)
  local _, address = self:connect_target(path)
  return nil, address, check.optional(options, callback)
end

function unix.is_sliced(offset, length) return type(offset) == "number" and length ~= nil end

--- Checks that a sender can be answered; returns no port, and its path.
function unix.sender(rinfo)
  local path = check.string("rinfo.address", rinfo.address)
  if path == "" then
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
      "The sender has no name, so it cannot be answered: it must bind to a path")
  end
  return nil, path
end

--- Adds to the job of an answer where it goes.
function unix.answer(job, rinfo) job.address = rinfo.address end

--- Sends to a path.
function unix.send_to(socket, msg, _, path, callback)
  return socket:send(msg, path, callback)
end

function unix.check_sendto(path) check.string("path", path) end

function unix.rebind() return true end

-- Makes a family of its own fields and what it shares with its like.
local function make(fields, shared)
  return setmetatable(fields, { __index = shared })
end

return {
  udp4 = make({ name = "IPv4", version = 4, any = "0.0.0.0", loopback = "127.0.0.1",
    send_options = send_options(4) }, ip),
  udp6 = make({ name = "IPv6", version = 6, any = "::", loopback = "::1",
    send_options = send_options(6) }, ip),
  unix_dgram = make({ name = "unix" }, unix),
}
