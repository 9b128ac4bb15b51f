-- SPDX-License-Identifier: MIT
-- dgram: datagram sockets for Lua. UDP over IPv4 and IPv6, and unix datagram
-- sockets, as event emitters with the API of Node's `dgram` module.

local Emitter = require "dgram.emitter"
local Socket = require "dgram.socket"
local abort = require "dgram.abort"
local blocklist = require "dgram.blocklist"
local check = require "dgram.check"
local core = require "dgram.core"
local coroutines = require "dgram.coroutine"
local errors = require "dgram.errors"
local families = require "dgram.family"
local scheduler = require "dgram.scheduler"

local CORE = core.FIELD

local dgram = {
  _VERSION = "dgram 1.0.0",
  Socket = Socket,
  BlockList = blocklist.new,
  AbortController = abort.new,
  errorMonitor = Emitter.errorMonitor,
  listenFds = require "dgram.listen".fds,
  run = coroutines.run, async = coroutines.async, await = coroutines.await,
  sleep = coroutines.sleep, once = coroutines.once, on = coroutines.on,
}

local HIGH_WATER_MARK = 1024 * 1024 -- bytes
local MAX_QUEUE = 64 * 1024 * 1024 -- bytes
local LARGEST = 2 ^ 32 - 1

local LINGER = 1000 -- milliseconds
local LONGEST_LOOK = 1000000 -- microseconds

-- What sockets without options share.
Socket._options = { highWaterMark = HIGH_WATER_MARK, maxQueue = MAX_QUEUE,
  linger = LINGER }

-- The options there are.
local KNOWN = {
  type = true, reuseAddr = true, reusePort = true, ipv6Only = true,
  recvBufferSize = true, sendBufferSize = true, lookup = true, signal = true,
  receiveBlockList = true, sendBlockList = true, highWaterMark = true,
  maxQueue = true, gso = true, gro = true, mode = true, linger = true,
  loop = true, recvInfo = true, fd = true, icmp = true, typeOfService = true,
  interface = true, multicastAll = true, busyPoll = true,
}

-- Checks the options and returns those the socket keeps.
local function socket_options(given)
  check.known_options(given, KNOWN)
  local options = {
    reuseAddr = given.reuseAddr and true or nil,
    reusePort = given.reusePort and true or nil,
    ipv6Only = given.ipv6Only and true or nil,
    lookup = given.lookup,
    gso = given.gso,
    gro = given.gro,
    icmp = given.icmp and true or nil,
    mode = check.option_integer(given, "mode", 0, 511),
    recvInfo = check.option_names(given, "recvInfo", core.INFO),
  }
  for _, name in ipairs { "recvBufferSize", "sendBufferSize" } do
    local size = check.option_integer(given, name, 0, LARGEST)
    options[name] = size ~= 0 and size or nil -- 0: the system's choice
  end
  options.typeOfService = check.option_integer(given, "typeOfService", 0, 255)
  options.interface = check.option_text(given, "interface")
  if given.multicastAll ~= nil then
    options.multicastAll = given.multicastAll and 1 or 0
  end
  options.busyPoll = check.option_integer(given, "busyPoll", 0, LONGEST_LOOK)
  options.highWaterMark = check.option_integer(given, "highWaterMark", 1,
    LARGEST) or HIGH_WATER_MARK
  options.maxQueue = check.option_integer(given, "maxQueue", 1, LARGEST)
    or MAX_QUEUE
  options.linger = check.option_integer(given, "linger", 0, LARGEST) or LINGER
  options.receive_block = blocklist.option(given, "receiveBlockList")
  options.send_block = blocklist.option(given, "sendBlockList")
  if given.lookup ~= nil and not check.callable(given.lookup) then
    check.type_error("lookup", "of type function", given.lookup)
  end
  return options
end

-- Closes the socket when the signal aborts.
local function obey(socket, signal)
  local function on_abort()
    if not socket._closed then socket:close() end
  end
  if signal.aborted then return on_abort() end
  signal:addEventListener("abort", on_abort)
  socket:once("close", function()
    signal:removeEventListener("abort", on_abort)
  end)
end

-- Checks the option `loop`, an adapter: docs/embedding.md says what its hooks owe.
local function check_loop(adapter)
  local ok = adapter == nil or type(adapter) == "table"
  for _, hook in ipairs { "poll", "idle", "timer" } do
    ok = ok and (adapter == nil or check.callable(adapter[hook]))
  end
  if not ok then
    check.type_error("options.loop", "an adapter of a loop", adapter)
  end
  return adapter
end

-- Tells the core which fields rinfo is to have; raises for one that sockets of
-- this type cannot know here.
local function choose_info(handle, kind, names)
  for _, name in pairs(names or {}) do
    local ok, errno = handle:recvInfo(name)
    if not ok then
      errors.raise(errors.system(("recvInfo '%s' of %s"):format(name, kind), errno))
    end
  end
end

-- Raises where sockets of this type cannot know what becomes of their datagrams.
local function check_reports(handle, kind)
  local ok, errno = handle:reports()
  if not ok then errors.raise(errors.system("icmp of " .. kind, errno)) end
end

-- Raises where sockets of this type are bound to no file, which could have a mode.
local function check_mode(kind)
  if not families[kind].known_to_bind.mode then
    errors.raise(errors.system("mode of " .. kind, core.errno "ENOTSUP"))
  end
end

-- Makes a socket of checked options, if there are any.
local function new_socket(kind, given, adapter)
  local loop = scheduler.of(adapter or require("dgram.loop.luv").luv())
  local socket = setmetatable({
    type = kind, _family = families[kind], _scheduler = loop, _options = given,
    _closed = false, -- closing needs no memory for it
  }, Socket)
  local handle, options = core.socket(loop.core, kind, socket), socket._options
  socket[CORE] = handle
  handle:limits(options.highWaterMark, options.maxQueue)
  choose_info(handle, kind, options.recvInfo)
  if options.icmp then check_reports(handle, kind) end
  if options.mode then check_mode(kind) end
  if options.busyPoll then handle:busyPoll(options.busyPoll) end
  if options.receive_block then handle:block(options.receive_block) end
  return socket
end

-- Names the type that the options ask for: the descriptor's own if there is one
-- and nothing is said.
local function kind_of(given)
  if given.fd == nil then return given.type end
  local kind, taken = core.kind(check.range("options.fd", given.fd, 0, 2 ^ 31 - 1))
  if taken then errors.raise(errors.system("open", core.errno "EEXIST")) end
  if given.type ~= nil then return given.type end
  if families[kind] then return kind end
  errors.throw("TypeError", "ERR_INVALID_FD_TYPE", "Unsupported fd type: " .. kind)
end

--- Makes a socket: createSocket(type [, listener]),
-- createSocket(options [, listener]).
-- @tparam string|table type "udp4", "udp6", "unix_dgram", or options: type,
--   reuseAddr, reusePort, ipv6Only, recvBufferSize, sendBufferSize, lookup,
--   signal, receiveBlockList, sendBlockList, highWaterMark, maxQueue, gso, gro,
--   mode, linger, loop, icmp, fd (a descriptor to adopt, which tells the type)
-- @tparam[opt] function listener heard at every 'message'
-- @return the socket. Raises ERR_SOCKET_BAD_TYPE, ERR_INVALID_ARG_TYPE,
--   ERR_INVALID_ARG_VALUE for an option that is not known; ERR_INVALID_FD_TYPE
--   for a descriptor of another type, EEXIST for one that a socket has;
--   ENOTSUP for icmp where the system has no queue of errors, for mode of UDP
function dgram.createSocket(type_or_options, listener)
  local given = type_or_options
  local options
  if type(given) == "table" then options = socket_options(given)
  else given = { type = given } end
  local kind = kind_of(given)
  if not families[kind] then errors.throw_fixed("ERR_SOCKET_BAD_TYPE") end
  local signal = abort.option(given)
  local socket = new_socket(kind, options, check_loop(given.loop))
  if check.callable(listener) then socket:on("message", listener) end
  if given.fd ~= nil then socket:_adopt(check.integer(given.fd)) end
  if signal then obey(socket, signal) end
  return socket
end

--- Makes two unix sockets that are connected to each other (socketpair(2)).
-- @tparam[opt] table options those of createSocket, for both, without fd and mode
-- @return the two sockets. Raises the system's error, EMFILE
function dgram.socketpair(given)
  if given == nil then given = {} end
  if type(given) ~= "table" then check.type_error("options", "of type object", given) end
  local options, signal = socket_options(given), abort.option(given)
  if given.fd ~= nil or given.mode ~= nil
    or (given.type or "unix_dgram") ~= "unix_dgram" then
    errors.throw("TypeError", "ERR_INVALID_ARG_VALUE",
      "A pair is of type 'unix_dgram', without 'options.fd' and 'options.mode'")
  end
  local adapter = check_loop(given.loop)
  local first = new_socket("unix_dgram", options, adapter)
  local second = new_socket("unix_dgram", options, adapter)
  first:_pair(second)
  if signal then
    obey(first, signal)
    obey(second, signal)
  end
  return first, second
end

return dgram
