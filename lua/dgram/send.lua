-- SPDX-License-Identifier: MIT
-- The forms of send. The usual ones are served by the core without coming
-- here; what comes here is sorted, checked, and queued until the socket is
-- bound and the address is known.

local check = require "dgram.check"
local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"
local lookup = require "dgram.lookup"

local CORE = core.FIELD

-- A datagram on its way: data, offset, length, port, address, callback; or
-- many: messages, count, length, port, address, callback, failed. Besides the
-- options it was sent with, and `held`: it waited for a bind or a lookup, and was
-- accepted then.

-- Ends a send with an error: one report, to the callback if given. Whoever
-- waits for a bind that fails hears of it there alone: 'error' is the bind's.
local function report_failure(self, job, err, quiet)
  self[CORE]:lost(job.count)
  if job.failed then return job.failed(err, 0) end
  if job.callback then return job.callback(err, job.length) end
  if not quiet then self:_report(err) end
end

-- Ends a send with an error, later.
local function fail(self, job, err)
  self._scheduler:defer(function() report_failure(self, job, err) end)
end

-- Ends a send with an error that may come as often as a remote host likes:
-- without a callback it is told once a turn.
local function fail_often(self, job, err)
  if job.callback then return fail(self, job, err) end
  self[CORE]:lost(job.count)
  if self._failing then return end
  self._failing = true
  self._scheduler:defer(function()
    self._failing = nil
    self:_report(err)
  end)
end

local ENOBUFS = core.errno "ENOBUFS"

-- Refuses a send that would exceed what may wait; without a callback that is
-- told once a turn.
local function refuse(self, job)
  if job.callback then
    self[CORE]:refuse()
    fail(self, job, errors.system("send", ENOBUFS, job.address, job.port))
  else
    self[CORE]:lost(job.count)
    self[CORE]:refuse(ENOBUFS)
  end
  return false
end

-- Gives a datagram with a numeric address to the core.
local function push(self, job, ip)
  if self._family.blocked(self._options.send_block, ip) then
    fail_often(self, job, errors.blocked(ip))
    return true
  end
  local below, errno
  if job.messages then
    below, errno = self[CORE]:pushMany(job.messages, job.callback, ip, job.port,
      job.localAddress, job.interface, job.ttl, job.typeOfService, job.descriptors,
      job.held)
  else
    below, errno = self[CORE]:push(job.data, job.offset, job.length,
      job.callback, ip, job.port, job.localAddress, job.interface, job.ttl,
      job.typeOfService, job.descriptors, job.held)
  end
  if below ~= nil then return below end
  fail_often(self, job, errors.system("send", errno, job.address, job.port))
  return true
end

-- Sends what was looked up, from the front of the line.
local function advance(self, line)
  local entry = line[line.first]
  while entry and entry.known do
    local job = entry.job
    line[line.first], line.first = nil, line.first + 1
    self._jobs = self._jobs - 1
    self[CORE]:hold(-job.count, -job.length)
    if entry.err then fail(self, job, entry.err)
    else push(self, job, entry.ip) end
    entry = line[line.first]
  end
  if not entry and self._lines[line.name] == line then
    self._lines[line.name] = nil
  end
end

compat.interpret(advance) -- a finalizer may do the same

-- Sends what was looked up; whatever fails, each has its turn.
local function go_on(self, line)
  local failed, failure = false, nil
  repeat
    local ok, err = pcall(advance, self, line)
    if not ok then failed, failure = true, err end
  until ok
  if failed then error(failure, 0) end
end

-- Puts a datagram into the line of its name; returns the line, and the place in it.
-- All is made before the line is looked for: a finalizer may send by name, too.
local function line_up(self, job)
  local entry = { job = job, known = false, ip = false, err = false }
  local name, lines = job.address, self._lines or {}
  local new = lines[name] or { name = name, asking = false, first = 1, last = 0 }
  self._lines = self._lines or lines
  local line = self._lines[name] or new
  self._lines[name] = line
  line[line.last + 1] = entry
  line.last, self._jobs = line.last + 1, self._jobs + 1
  return line, line.last
end

compat.interpret(line_up)

-- Notes the answer to a lookup for the datagrams from one place to the last.
local function answer(line, first, last, err, ip)
  for place = math.max(first, line.first), last do
    local entry = line[place]
    entry.err, entry.ip, entry.known = err, ip, true
  end
end

-- Copies the messages of a send that has to wait; the script may change its
-- own.
local function keep(job)
  job.held = true
  local copy = job.messages and {}
  for i, message in ipairs(job.messages or {}) do copy[i] = message end
  job.messages = copy
end

-- Asks for the address of a line, for the datagram at a place: the user's
-- lookup is asked for each, any other for all that wait by then.
local function ask(self, line, place)
  local own = self._options.lookup ~= nil
  if line.asking and not own then return end
  line.asking = true
  lookup.resolve(self, line.name, function(err, ip)
    line.asking = false
    answer(line, place, own and place or line.last, err, ip)
    self:_before_close(go_on, line)
  end)
end

-- Takes a datagram back from the end of its line.
local function step_back(self, line, job)
  line[line.last], line.last, line.asking = nil, line.last - 1, false
  self._jobs = self._jobs - 1
  self[CORE]:hold(-job.count, -job.length)
end

-- Looks a name up; datagrams for the same name keep their order.
local function push_by_name(self, job)
  local accepted = job.held
  if not (accepted or self[CORE]:accepts(job.count, job.length)) then
    return refuse(self, job)
  end
  keep(job)
  local line, place = line_up(self, job)
  local below = self[CORE]:hold(job.count, job.length, accepted)
  local ok, err = pcall(ask, self, line, place)
  if ok then return below end
  if line[place] and line.last == place then step_back(self, line, job) end -- no memory
  error(err, 0)
end

-- Sends a datagram on a socket that is bound, or need not be.
local function dispatch(self, job)
  if not job.address then return push(self, job, nil) end
  if self._family.direct(job.address) then
    return push(self, job, job.address)
  end
  return push_by_name(self, job)
end

-- Opens a unix socket, which need not be bound to send; returns nil, error.
local function open_local(self)
  local ok, errno, name = self:_open()
  if not ok then return nil, errors.system(name, errno) end
  self[CORE]:fastSend(true)
  return true
end

local submit

-- Keeps the datagram until the socket is bound.
local function wait_for_bind(self, job)
  if not self[CORE]:accepts(job.count, job.length) then
    return refuse(self, job)
  end
  keep(job)
  local below = self:_after_bind(function(err)
    if not err then return dispatch(self, job) end
    report_failure(self, job, err, true)
  end, job.count, job.length)
  if below == nil then return submit(self, job) end
  return below
end

-- Sends now, or as soon as the socket is bound.
function submit(self, job)
  self:_bind_implicitly()
  if self._bound == "binding" then return wait_for_bind(self, job) end
  if not self._family.binds_to_send then
    local ok, err = open_local(self)
    if not ok then
      fail(self, job, err)
      return true
    end
  end
  return dispatch(self, job)
end

-- Tells whether a value could be a port, as opposed to a callback.
local function given(value)
  return value ~= nil and value ~= false and not check.callable(value)
end

-- Adds the options of a send to its job, checked. (No `for` over the names: a trace of
-- LuaJIT has seen one that had no end.)
local function add_options(self, job, options)
  local known, name = self._family.send_options, options and next(options)
  while name ~= nil do
    if not known[name] then check.known_options(options, known) end
    job[name] = known[name](options, name)
    name = next(options, name)
  end
  return job
end

-- Makes a job of a checked slice.
local function job_of(msg, offset, length, callback)
  local data = check.message(msg)
  return {
    data = data,
    count = 1,
    offset = offset or 0,
    length = length or #data,
    callback = check.callable(callback) and callback or nil,
  }
end

-- Sorts what follows the messages of a connected socket, ([options] [, cb]): no
-- port, no address.
local function connected_target(options, callback, ...)
  local extra = (given(options) and type(options) ~= "table") or given(callback)
  for i = 1, select("#", ...) do extra = extra or given((select(i, ...))) end
  if extra then errors.throw_fixed("ERR_SOCKET_DGRAM_IS_CONNECTED") end
  return check.optional(options, callback)
end

-- Sorts (msg [, options] [, cb]) and (msg, offset, length [, options] [, cb]).
local function connected_job(self, msg, a, b, c, d)
  local data, offset, length = check.message(msg), nil, nil
  if type(b) == "number" then
    offset, length = check.slice(#data, a, b)
    a, b, c, d = c, d, nil, nil
  end
  local options, callback = connected_target(a, b, c, d)
  return add_options(self, job_of(data, offset, length, callback), options)
end

-- Sorts (msg, destination), where a slice may stand before the destination,
-- which is (port [, address] [, options] [, cb]) or (path [, options] [, cb]).
local function unconnected_job(self, msg, a, b, c, d, e, f)
  local family, data, offset, length = self._family, check.message(msg), nil, nil
  if family.is_sliced(a, b, c, d) then
    offset, length = check.slice(#data, a, b)
    a, b, c, d = c, d, e, f
  end
  local port, address, options, callback = family:send_target(a, b, c, d)
  local job = job_of(data, offset, length, callback)
  job.port, job.address = port, address
  return add_options(self, job, options)
end

-- Makes a job of send's arguments, whatever their form.
local function sort(self, msg, ...)
  if self._connected == "connected" then return connected_job(self, msg, ...) end
  return unconnected_job(self, msg, ...)
end

-- Sends a datagram in any of the documented forms; see docs/api.md.
local function send(self, ...)
  if type(self) ~= "table" or not self[CORE] then
    errors.throw("TypeError", "ERR_INVALID_THIS",
      "Methods are called with a colon: socket:send(...)")
  end
  local job = sort(self, ...)
  self:_running()
  return self:_before_close(submit, job)
end

local Socket = {}

--- Sends a datagram: send(msg, port [, address] [, options] [, callback]),
-- send(msg, offset, length, port [, address] [, options] [, callback]);
-- connected send(msg [, options] [, callback]),
-- send(msg, offset, length [, options] [, callback]); unix_dgram
-- send(msg, path [, options] [, callback]),
-- send(msg, offset, length, path [, options] [, callback]).
-- @tparam string|table msg the payload, or strings to join
-- @tparam integer offset bytes to skip
-- @tparam integer length bytes to send
-- @tparam integer|string port 1 to 65535
-- @tparam[opt] string address 127.0.0.1 or ::1 unless given; a host name
--   goes to the resolver
-- @tparam[opt] table options how this datagram leaves: localAddress (its source,
--   numeric), interface (name or index), ttl (1 to 255), typeOfService (0 to 255)
-- @tparam[opt] function callback callback(nil, bytes) or callback(err, bytes)
-- @treturn boolean false when the queue is over its high-water mark
Socket.send = core.sender(send)

--- Sends a slice; the legacy form: offset, length, port and address (or
-- path, for unix_dgram) are mandatory and checked in this order.
function Socket:sendto(msg, offset, length, port, address, ...)
  check.number("offset", offset)
  check.number("length", length)
  self._family.check_sendto(port, address)
  return self:send(msg, offset, length, port, address, ...)
end

-- Raises unless the sender of a datagram is the peer of a connected socket.
local function need_peer(self, port, address)
  local peer, its_port = self[CORE]:name(true)
  if peer ~= address or (port and port ~= its_port) then
    errors.throw_fixed("ERR_SOCKET_DGRAM_IS_CONNECTED")
  end
end

-- Makes the job of an answer, which leaves from where the datagram was sent to,
-- unless the options say otherwise.
local function answer_job(self, msg, rinfo, options, callback)
  local job = job_of(msg, nil, nil, callback)
  self._family.answer(job, rinfo)
  return add_options(self, job, options)
end

--- Answers a datagram: reply(msg, rinfo [, options] [, callback]) sends to who sent
-- it, from where it was sent to, as far as rinfo tells that (the option recvInfo).
-- @tparam string|table msg the payload, or strings to join
-- @tparam table rinfo what 'message' told of the datagram
-- @tparam[opt] table options as for send
-- @tparam[opt] function callback as for send
-- @treturn boolean as send. Raises ERR_SOCKET_BAD_PORT for a sender with port 0,
--   ERR_INVALID_ARG_VALUE for one without a name, and what send raises
function Socket:reply(msg, rinfo, options, callback)
  local port, address = self._family.sender(check.table("rinfo", rinfo))
  if options ~= nil then options, callback = check.optional(options, callback) end
  if self._connected == "connected" then
    need_peer(self, port, address)
    return self:send(msg, options, callback)
  end
  if not (options or rinfo.localAddress or rinfo.interface) then
    return self._family.send_to(self, msg, port, address, callback)
  end
  local job = answer_job(self, msg, rinfo, options, callback)
  self:_running()
  return self:_before_close(submit, job)
end

-- Makes the callback of many datagrams: it hears of each failure, and of the
-- last datagram whatever became of it.
local function group(callback, count)
  local sent, first = count, nil
  return function(err, _, more)
    if err then sent, first = sent - 1, first or err end
    if not more then callback(first, sent) end
  end
end

-- Checks the messages of sendMany; returns their bytes. An object whose entries only
-- its metatable knows would seem empty.
local function check_messages(messages)
  local count = type(messages) == "table" and compat.rawlen(messages)
  if not count or (count == 0 and getmetatable(messages)) then
    check.type_error("messages", "an array of strings", messages)
  end
  local bytes, wrong = core.total(messages)
  if bytes then return bytes end
  check.type_error("messages[" .. wrong .. "]", "of type string",
    rawget(messages, wrong))
end

-- Sorts sendMany's arguments behind the messages: port, address, options,
-- callback.
local function many_target(self, ...)
  if self._connected == "connected" then return nil, nil, connected_target(...) end
  return self._family:send_target(...)
end

--- Sends many datagrams to one destination with one call:
-- sendMany(messages, port [, address] [, options] [, callback]); connected
-- sendMany(messages [, options] [, callback]); unix_dgram sendMany(messages, path
-- [, options] [, callback]).
-- @tparam table messages strings, each a datagram of its own
-- @tparam[opt] table options as for send
-- @tparam[opt] function callback callback(err, count), once: the first error
--   or nil, and how many datagrams the kernel took
-- @treturn boolean false when the queue is over its high-water mark
function Socket:sendMany(messages, ...)
  local bytes, count = check_messages(messages), compat.rawlen(messages)
  local port, address, options, callback = many_target(self, ...)
  if not check.callable(callback) then callback = nil end
  local job = add_options(self, {
    messages = messages, count = count, length = bytes, port = port, address = address,
    callback = callback and group(callback, count), failed = callback,
  }, options)
  self:_running()
  if count > 0 then return self:_before_close(submit, job) end
  if callback then self._scheduler:defer(function() callback(nil, 0) end) end
  return self[CORE]:hold(0, 0)
end

return Socket
