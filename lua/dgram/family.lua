-- SPDX-License-Identifier: MIT
-- What differs between the families of sockets, in one table each: how they
-- spell addresses and arguments, what needs a lookup, and how they bind.

local check = require "dgram.check"
local core = require "dgram.core"
local errors = require "dgram.errors"
local lookup = require "dgram.lookup"

local CORE = core.FIELD

-- IP: addresses and ports.
local ip = { binds_to_send = true }

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

--- Sorts and checks the destination of a send, (port [, address] [, callback]):
-- returns port, address, callback.
function ip:send_target(port, address, callback)
  port = check.port(port)
  if check.callable(address) then address, callback = nil, address end
  return port, address_or(self.loopback, address), callback
end

--- Tells whether the arguments of a send begin with offset and length: then a
-- port stands third, or an address fourth.
function ip.is_sliced(_, port, address)
  return address and true
    or (port ~= nil and port ~= false and not check.callable(port))
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
local unix = { any = "" }

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

unix.send_target = unix.connect_target

function unix.is_sliced(offset) return type(offset) == "number" end

function unix.check_sendto(path) check.string("path", path) end

function unix.rebind() return true end

-- Makes a family of its own fields and what it shares with its like.
local function make(fields, shared)
  return setmetatable(fields, { __index = shared })
end

return {
  udp4 = make({ name = "IPv4", version = 4, any = "0.0.0.0", loopback = "127.0.0.1" }, ip),
  udp6 = make({ name = "IPv6", version = 6, any = "::", loopback = "::1" }, ip),
  unix_dgram = make({ name = "unix" }, unix),
}
