-- The one place where specs look inside the library: what no public function
-- shows or does. Each user says why; a change of the insides is a change here.
local core = require "dgram.core"
local uv = require "luv"

local inside = {}

--- The core's socket, whose options can be read back: Node's API only sets them.
function inside.core(socket) return socket[core.FIELD] end

--- Whether the platform lets one datagram of IPv4 or IPv6 (4, 6) have an option: the
-- facade throws ENOTSUP else.
inside.supports = core.supports

--- What the library knows of families on a platform that lets no single datagram have
-- options.
function inside.families_without_options()
  local supports, families = core.supports, package.loaded["dgram.family"]
  core.supports = function() return false end
  package.loaded["dgram.family"] = nil
  local ok, without = pcall(require, "dgram.family")
  core.supports, package.loaded["dgram.family"] = supports, families
  return assert(ok and without, without)
end

--- What the kernel says of an option: "ttl", "broadcast", "multicastTTL" …
function inside.option(socket, name)
  return inside.core(socket):get(name)
end

--- What runs a loop's part of the facade, one for each adapter.
function inside.scheduler(socket) return socket._scheduler end

--- The module that knows luv, and its adapter, to wrap or to replace.
inside.luv_module = require "dgram.loop.luv"

function inside.luv_adapter() return inside.luv_module.luv() end

--- The sockets with a poll handle on an adapter's loop, as the keys of a table.
function inside.sockets(adapter)
  return adapter.scheduler and adapter.scheduler.sockets or {}
end

--- How many coroutines wait for datagrams of a socket, and how many timers its loop
--- has for coroutines.
function inside.waiting(socket)
  local count, wait = 0, socket._receivers and socket._receivers.first
  while wait do count, wait = count + 1, wait.behind end
  return count, #socket._scheduler.timers
end

--- An empty heap of what is due when.
inside.new_timers = require "dgram.timers"

--- Has close() wait for no reader that is slow; other sockets may share the options.
function inside.stop_lingering(socket)
  socket._options = setmetatable({ linger = 0 }, { __index = socket._options })
end

--- The handle that watches a socket on its loop.
function inside.poll(socket) return socket._poll end

--- The module with the built-in poll() loop.
inside.poll_loop = require "dgram.loop.poll"

--- Whether the loop is told when the peer of a lane reads: this build knows epoll.
function inside.watches_lanes()
  return not os.getenv "PORTABLE" and uv.os_uname().sysname == "Linux"
end

--- A socket of the core alone, open and with no loop that reads it: a peer that is
--- silent, or a descriptor of somebody else's.
function inside.raw(kind)
  local raw = core.socket(core.loop {}, kind, {})
  assert(raw:open())
  return raw
end

return inside
