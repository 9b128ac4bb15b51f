-- A model of the public API: the input is a list of calls, which are made on
-- sockets of all types on two poll() loops, at once, in a listener or callback, or
-- in a finalizer. What follows is compared with what the documents promise.
-- Returns the function that makes the calls of one input and raises what it finds;
-- api.c gives it the inputs of libFuzzer, model.lua those of a seed.
local compat = require "dgram.compat" -- what is to be the same with each Lua
local core = require "dgram.core" -- a clock, and descriptors that are nobody's
local dgram = require "dgram"
local poll_loop = require "dgram.loop.poll"

local unpack = table.unpack or unpack

-- What LuaJIT compiles may begin anywhere with what finalizers do: no account would
-- hold, and a listener would hear of a datagram behind the next one.
compat.interpret(true, true)

local SOCKETS = 8
local CROWD = 34 -- more peers than there are lanes
local PATIENCE = 20000 -- milliseconds that what waits may take in all
local KINDS = { "udp4", "udp6", "unix_dgram", "unix_dgram" }
local LOOPBACK = { udp4 = "127.0.0.1", udp6 = "::1" }
local ANY = { ["0.0.0.0"] = "127.0.0.1", ["::"] = "::1" }
local ODD_HOSTS = { "127.0.0.1", "::1", "name.test", "256.1.1.1", "", "%",
  "127.255.255.255", "fe80::1%lo" }
local ODD_PATHS = { "\0dgram-fuzz-nobody", "/nonexistent/socket", "/", "", "\0" }
local OPTIONS = { "setTTL", "setMulticastTTL", "setBroadcast",
  "setMulticastLoopback", "setRecvBufferSize", "setSendBufferSize",
  "setTypeOfService", "setDontFragment" }
local EVENTS = { "message", "sent", "listening", "connect", "close", "error",
  "drain", "lookup" }
local MARKS = { 1, 100, 3000 }
local FILLER = ("0123456789abcdefghijklmnopqrstuvwxyz"):rep(300)

local stat = assert(io.open("/proc/self/stat"))
local PROCESS = stat:read("*n")
stat:close()
local DIRECTORY = os.getenv("TMPDIR") or "/tmp"

local run -- the calls of one input
local made = 0 -- sockets made in all runs: names are never used twice

-- Notes what was found, wherever it was, and raises it.
local function fail(message, ...)
  run.finding = run.finding or debug.traceback(message:format(...), 2)
  error(run.finding, 0)
end

-- Makes a finding of what is not so.
local function check(ok, message, ...)
  if not ok then fail(message, ...) end
end

-- Takes the next byte of the input; 0 when there is none.
local function take(most)
  local byte = run.data:byte(run.at) or 0
  run.at = run.at + 1
  return most and byte % most or byte
end

-- Takes one of the values of a list.
local function choose(list) return list[take(#list) + 1] end

-- Tells whether a bit of a byte is set.
local function has(byte, bit) return math.floor(byte / 2 ^ bit) % 2 == 1 end

-- A value of any type, mostly useless.
local function oddity()
  local odd = { nil, false, true, 0, -1, 70000, 0.5, 0 / 0, 2 ^ 53, "", "9",
    "x", {}, { "a", "b" }, { 1 }, function() end, math.huge, "\0" }
  return odd[take(18) + 1]
end

-- -------------------------------------------------------------- descriptors

-- Tells whether a descriptor is open.
local function is_open(fd)
  local file = io.open("/proc/self/fdinfo/" .. fd)
  if file then file:close() end
  return file ~= nil
end

-- Lists the descriptors that are open.
local function descriptors()
  local list = {}
  for fd = 0, 300 do
    if is_open(fd) then list[#list + 1] = fd end
  end
  return table.concat(list, " ")
end

-- Makes a socket of the core, that the library's own sockets know nothing of.
local function core_socket(self)
  return core.socket(self.loop.scheduler.core, self.kind, {})
end

-- Makes a bound descriptor that belongs to nobody.
local function foreign(self)
  local handle = core_socket(self)
  assert(handle:open())
  if self.kind == "unix_dgram" then assert(handle:bindPath(""))
  else assert(handle:bind(LOOPBACK[self.kind], 0)) end
  local fd = handle:fileno()
  handle:disown()
  return fd
end

-- Closes a descriptor that belongs to nobody.
local function close_foreign(self, fd)
  local handle = core_socket(self)
  assert(handle:adopt(fd))
  handle:close()
end

-- ------------------------------------------------------------------- errors

-- Tells whether an error is one that a model's listener raised; then it has
-- arrived.
local function arrived(err)
  local known = run.raised[err]
  run.raised[err] = nil
  return known
end

-- Tells whether an error may come to a callback, an 'error' listener or a caller.
local function is_documented(err)
  return run.lookup_errors[err]
    or type(err) == "table" and type(err.code) == "string"
end

-- What may leave the loop beside what listeners raise: errors of bind and connect
-- that no listener hears, never what came off the network.
local function may_leave(err)
  return run.unheard and is_documented(err) and err.syscall ~= "send"
    and err.syscall ~= "recvmsg"
end

-- Carries a plan out where nobody else catches its errors.
local function perform(plan)
  local ok, err = pcall(plan)
  if run.finding then error(run.finding, 0) end
  if not ok and not arrived(err) then
    fail("raised where it must not: %s", tostring(err))
  end
end

-- Calls a method; what it raises must be one of our errors.
local function try(self, method, ...)
  if not self.socket then return false end
  local ok, err = pcall(self.socket[method], self.socket, ...)
  if run.finding then error(run.finding, 0) end
  if ok then return true, err end
  check(is_documented(err), "%s raised %s", method, tostring(err))
  return false, err
end

-- Starts a timer that ends the waits of a loop, within turns in turns too.
local function limit(loop)
  local timer
  timer = loop.plain_timer(function() timer:start(1) end)
  timer:start(1)
  return timer
end

-- Runs a loop; "once" does not wait for long.
local function turn(loop, mode)
  run.turns = run.turns + 1
  local timer = mode == "once" and limit(loop)
  local ok, err = pcall(loop.run, mode)
  if timer then timer:stop() end
  if run.finding then error(run.finding, 0) end
  check(ok or arrived(err) or may_leave(err), "left the loop: %s", tostring(err))
end

-- ------------------------------------------------------------------- events

-- Keeps the collector, and with it finalizers, out of the model's own accounts. In a
-- finalizer it does not run by itself.
local function hold() if run.finalizing == 0 then collectgarbage("stop") end end
local function release()
  if run.finalizing == 0 then collectgarbage("restart") end
end

-- Collects, also in a finalizer: where that is possible (not in Lua 5.4) it would go
-- on by itself then.
local function collect(...)
  collectgarbage(...)
  if run.finalizing > 0 then collectgarbage("stop") end
end

-- Checks that nothing comes after 'close'.
local function check_open_yet(self, event)
  check(not self.gone, "socket %d: '%s' after 'close'", self.id, event)
end

-- Carries out what was planned for an event of a socket, once.
local function happened(self, event)
  run.events = run.events + 1
  local plan = self.plans[event]
  self.plans[event] = nil
  if plan and not run.quiet then plan() end
end

-- Excuses what is under way to a socket from arriving.
local function excuse(self)
  for _, entry in ipairs(run.entries) do
    if entry.dest == self then entry.excused = true end
  end
end

-- Checks the order: what one socket sent to another, in the same manner.
local function check_order(self, entry)
  local last = self.last[entry.lane] or 0
  check(entry.number > last, "%d of socket %d came to socket %d after %d",
    entry.number, entry.from.id, self.id, last)
  self.last[entry.lane] = entry.number
end

-- Checks what rinfo tells of the sender.
local function check_sender(self, entry, rinfo)
  local from = entry.from
  if self.kind == "unix_dgram" then
    check(rinfo.address == "" or rinfo.address == from.name,
      "from '%s', not '%s'", rinfo.address, from.name)
  else
    check(not from.port or rinfo.port == from.port, "from port %d, not %d",
      rinfo.port, from.port or 0)
  end
  check(not (self.blocks and rinfo.address == "127.0.0.2"), "it is blocked")
end

-- Names a socket.
local function describe(self)
  return ("socket %d (%s)"):format(self.id, tostring(self.socket):gsub("%c", "@"))
end

-- Checks a message against what was sent.
local function check_message(self, msg, rinfo)
  check(not self.closing, "a message after close()")
  check(not self.paused or self.resuming, "a message after pause()")
  check(rinfo.size == #msg, "its size is wrong")
  local number = msg:match("^(%d+):")
  if run.odd and not number then return end
  local entry = run.entries[tonumber(number)]
  check(entry and entry.payload == msg, "nobody sent: %.40s", msg)
  check(not entry.heard, "%d arrived twice", entry.number)
  check(not entry.failed, "%d arrived, and was told to have failed: %s",
    entry.number, tostring(entry.failed))
  local dest = entry.dest
  check(not dest or dest == self or dest.closing,
    "%d of socket %d to %s is not for %s", entry.number, entry.from.id,
    dest and describe(dest), describe(self))
  entry.heard = true
  if dest then check_order(self, entry) end
  check_sender(self, entry, rinfo)
end

-- Hears a message.
local function heard(self, msg, rinfo)
  hold()
  check_message(self, msg, rinfo)
  release()
  happened(self, "message")
end

-- Hears 'drain': not more often than send said no.
local function drained(self)
  check_open_yet(self, "drain")
  self.drains = self.drains + 1
  check(self.drains <= self.noes + self.sending, "'drain' for no reason")
  self.drained = true
  happened(self, "drain")
end

-- Notes where the socket is bound.
local function note_name(self)
  local ok, address = pcall(self.socket.address, self.socket)
  if not ok then return end
  self.bound = true
  if self.kind == "unix_dgram" then self.name = address.address
  else self.port = address.port end
end

-- Hears that the socket is connected to whom it was told last; within a connectSync
-- (a finalizer runs the loop) it is an earlier one that is told of.
local function connected(self)
  check_open_yet(self, "connect")
  if self.connecting and not self.in_sync then
    self.peer, self.connecting = self.connecting, nil
  end
  happened(self, "connect")
end

-- Checks the counters of a socket that is closed: each datagram is accounted for. Those
-- of a call that it was closed within may have been accepted, too.
local function check_counters(self)
  local stats = self.socket:stats()
  check(stats.queued == 0 and stats.queuedBytes == 0, "something waits")
  local more = stats.sent + stats.sendErrors - self.accepted
  check(more >= 0 and more <= self.under_way,
    "%d sent and %d refused of %d", stats.sent, stats.sendErrors, self.accepted)
end

-- Hears 'close'.
local function closed(self)
  check_open_yet(self, "close")
  check(self.closing or self.in_close, "'close' without close()")
  self.gone = true
  if self.socket then check_counters(self) end
  happened(self, "close")
end

-- Hears 'error'.
local function failed(self, err)
  check_open_yet(self, "error")
  check(is_documented(err), "'error' brings %s", tostring(err))
  happened(self, "error")
end

-- ------------------------------------------------------------------ sockets

-- Adds an 'error' listener, or takes it away.
local function hear_errors(self, wanted)
  if not self.socket then return end
  self.socket:removeAllListeners("error")
  if wanted then self.socket:on("error", function(err) failed(self, err) end)
  else run.unheard = true end
end

-- Adds the 'message' listener, or takes it away: what comes then is nobody's.
local function hear_messages(self, wanted)
  if not self.socket then return end
  self.deaf = not wanted
  self.socket:removeAllListeners("message")
  if wanted then
    self.socket:on("message", function(...) heard(self, ...) end)
  else
    excuse(self)
  end
end

-- Adds the listeners.
local function listen(self)
  hear_messages(self, true)
  self.socket:on("listening", function()
    check_open_yet(self, "listening")
    note_name(self)
    happened(self, "listening")
  end)
  self.socket:on("connect", function() connected(self) end)
  self.socket:on("drain", function() drained(self) end)
  self.socket:on("close", function() closed(self) end)
end

-- How a socket's lookup answers: at once, later, twice, wrongly, by raising. An
-- address is its own answer. What was planned for a lookup is carried out before it
-- answers, or after it has.
local function lookup_of(self)
  local function answer_in_its_way(host, answer)
    local address, how = LOOPBACK[self.kind], self.asked % 7
    if host:find("^[%d:.]+$") then address = host end
    if how == 0 then answer(nil, address) return answer(nil, address) end
    if how == 1 then return answer(nil, { "no address" }) end
    if how == 2 then
      local err = {}
      run.lookup_errors[err] = true
      error(err, 0)
    end
    if how < 5 then return answer(nil, address) end
    run.answers[#run.answers + 1] = function() answer(nil, address) end
  end
  local function follow_plan() happened(self, "lookup") end
  return function(host, _, answer)
    self.asked = self.asked + 1
    local early = self.asked % 2 == 0
    if early then perform(follow_plan) end
    answer_in_its_way(host, answer)
    if not early then perform(follow_plan) end
  end
end

-- Binds a socket in one of the ways there are.
local function bind(self, how)
  self.path = self.path or DIRECTORY .. ("/dgram-fuzz-%d-%d"):format(PROCESS, self.id)
  local names = { self.path, ("\0dgram-fuzz-%d-%d"):format(PROCESS, self.id), nil }
  local hosts = self.kind == "udp4" and { "127.0.0.1", "127.0.0.2", nil }
    or { "::1", nil, "::1" }
  local place = how % 3 + 1
  if self.kind == "unix_dgram" and how < 128 then
    try(self, "bindSync", { path = names[place] })
  elseif self.kind == "unix_dgram" then try(self, "bind", names[place])
  elseif how < 128 then try(self, "bindSync", { address = hosts[place] })
  else try(self, "bind", 0, hosts[place]) end
  if self.socket then note_name(self) end
end

-- The options of a socket, from two bytes.
local function options_of(self, bits, more)
  self.max = has(bits, 3) and 100 * 10 ^ (more % 3) or 64 * 1024 * 1024
  self.blocks = has(more, 5) and self.kind == "udp4"
  self.controller = has(more, 6) and dgram.AbortController()
  self.asks = has(bits, 7)
  return {
    type = self.kind, loop = self.loop, linger = more % 4 * 5,
    highWaterMark = has(bits, 4) and MARKS[more % 3 + 1] or nil,
    maxQueue = self.max, gso = has(bits, 5), gro = has(bits, 6),
    lookup = self.asks and lookup_of(self) or nil,
    sendBufferSize = has(more, 4) and 4608 * (more % 4) or nil,
    receiveBlockList = self.blocks and run.list or nil,
    sendBlockList = has(more, 7) and run.list or nil,
    signal = self.controller and self.controller.signal or nil,
  }
end

-- Makes a socket on one of the loops.
local function make(kind, loop, bits, more)
  made = made + 1
  local self = { id = made, kind = kind, loop = loop, plans = {}, last = {},
    accepted = 0, noes = 0, drains = 0, failures = 0, sending = 0, under_way = 0, largest = 0,
    asked = more }
  self.socket = dgram.createSocket(options_of(self, bits, more))
  listen(self)
  hear_errors(self, not has(more, 3))
  run.all[#run.all + 1] = self
  return self
end

-- Makes a socket in a place of the table, and mostly binds it.
local function create(place)
  local old = run.places[place]
  if run.finishing or old and not (old.gone or old.dropped) then return old end
  local bits, more, how = take(), take(), take()
  local self = make(KINDS[bits % 4 + 1], run.loops[bits % 8 > 3 and 2 or 1],
    bits, more)
  run.places[place] = self
  if more % 4 > 0 then bind(self, how) end
  return self
end

-- ------------------------------------------------------------------- sending

-- Finds another socket of the kind, from a place of the table on.
local function find(self, place)
  for i = place, place + SOCKETS do
    local other = run.places[i % SOCKETS + 1]
    if other and other.kind == self.kind and other.socket then return other end
  end
end

-- Where a socket can be reached: the arguments behind the message, and the manner.
-- nil when it has no address.
local function address_of(self, other, by_name)
  local ok, address = pcall(other.socket.address, other.socket)
  if not ok or address.port == 0 or address.address == "" then return nil end
  if self.kind == "unix_dgram" then return { address.address }, "path" end
  local host = ANY[address.address] or address.address
  if by_name and host == LOOPBACK[self.kind] and self.kind == "udp4" then
    return { address.port, self.asks and "name.test" or "localhost" }, "name"
  end
  return { address.port, host }, "literal"
end

-- A destination that is none.
local function nowhere(self, how)
  if self.kind == "unix_dgram" then return { ODD_PATHS[how % #ODD_PATHS + 1] } end
  local host = ODD_HOSTS[how % #ODD_HOSTS + 1]
  return { 9, self.asks and host or LOOPBACK[self.kind] }
end

-- Takes a destination; returns a function that returns its arguments, the socket
-- there, if any, and the manner.
local function target(self)
  local place, how = take(SOCKETS), take()
  return function()
    local other = find(self, place)
    local arguments, manner
    if other and how % 16 ~= 0 then
      arguments, manner = address_of(self, other, how % 16 == 1)
    end
    if arguments then return arguments, other, manner end
    return nowhere(self, how)
  end
end

-- Makes a numbered datagram, while the collector is held. Those that finalizers send
-- have an order of their own, as have those of a finalizer within another, and those that
-- the same socket sends within a send: they come in the middle of others.
local function new_entry(self, dest, manner, size)
  local entry = { from = self, dest = dest, number = #run.entries + 1,
    completions = 0 }
  run.entries[entry.number] = entry
  entry.lane = self.id .. (manner == "name" and "by name" or "")
    .. ("~"):rep(run.finalizing) .. ("+"):rep(self.sending)
  entry.payload = entry.number .. ":" .. FILLER:sub(1, size)
  entry.excused = dest and (dest.deaf or dest.peer ~= nil or dest.closing
    or dest.connecting ~= nil or dest.blocks)
  return entry
end

-- Which errors have a reason that the model knows.
local REASONS = {
  ECANCELED = function(self) return self.closing end,
  ENOBUFS = function(self) return self.max < 2 ^ 20 or run.crowded end,
  ENOTCONN = function(self) -- the kernel forgets a unix peer that is gone
    return self.disconnected or self.kind == "unix_dgram"
  end,
}

-- Checks what a callback was told of a failure.
local function check_failure(self, err)
  check(is_documented(err), "no error: %s", tostring(err))
  local reason = REASONS[err.code]
  check(not reason or reason(self), "%s for no reason", tostring(err))
end

-- Checks that a callback comes once, and not inside send, unless a finalizer ran a
-- loop there.
local function check_callback(self, entry)
  check_open_yet(self, "sent")
  entry.completions = entry.completions + 1
  check(entry.completions == 1, "%d has a second completion", entry.number)
  check(entry.accepted ~= nil or run.turns > entry.turns,
    "%d is called back inside send", entry.number)
end

-- Makes the callback of a datagram.
local function callback_of(self, entry)
  return function(err, bytes)
    hold()
    check_callback(self, entry)
    check(bytes == #entry.payload, "%s bytes of %d", tostring(bytes),
      #entry.payload)
    if err then
      check_failure(self, err)
      check(not entry.heard, "%d failed (%s), and arrived", entry.number,
        tostring(err))
      self.failures = self.failures + 1
    end
    entry.sent, entry.failed = not err, err
    release()
    happened(self, "sent")
  end
end

-- Makes the callback of many datagrams.
local function group_callback(self, group)
  local function count_heard()
    local heard_of = 0
    for _, entry in ipairs(group) do
      if entry.heard then heard_of = heard_of + 1 end
    end
    return heard_of
  end
  return function(err, count)
    check_callback(self, group)
    check(err or count == #group, "%d of %d, and no error", count, #group)
    if err then check_failure(self, err) end
    check(count_heard() <= count, "more arrived than were taken")
    self.failures = self.failures + #group - count
    group.sent, group.count, group.heard_of = not err, count, count_heard
    happened(self, "sent")
  end
end

-- Checks that no more waits than may: maxQueue, and one call when nothing waits.
local function check_room(self)
  local socket = self.socket
  if not socket then return end -- a finalizer dropped it
  local bytes, count = socket:getSendQueueSize(), socket:getSendQueueCount()
  check(bytes + 64 * count <= self.max + self.largest,
    "%d datagrams of %d bytes wait, maxQueue is %d", count, bytes, self.max)
end

-- Makes a call that sends so many datagrams; counts them if it is accepted. When it
-- says no 'drain' is due, if it did not come meanwhile: a finalizer may run a loop in
-- there.
local function try_send(self, count, method, ...)
  local before = self.drains
  self.sending, self.under_way = self.sending + 1, self.under_way + count
  local ok, below = try(self, method, ...)
  self.sending, self.under_way = self.sending - 1, self.under_way - count
  if ok then self.accepted = self.accepted + count end
  if ok and below == false then
    self.noes = self.noes + 1
    self.drained = self.drains > before
  end
  return ok
end

-- Makes a call that sends so many datagrams of so many bytes. If a finalizer connects
-- the socket anew in there, nobody knows whom they go to.
local function submit(self, entry, count, size, method, ...)
  entry.turns = run.turns
  self.largest = math.max(self.largest, size + 64 * count)
  local outer = self.submitted
  self.submitted = entry
  release()
  entry.accepted = try_send(self, count, method, ...)
  self.submitted = outer
  if entry.accepted then check_room(self) end
end

-- The forms a message may have.
local function forms(payload, form)
  if form == 1 then return { "ab" .. payload .. "c", 2, #payload } end
  if form == 2 then return { { payload:sub(1, 3), payload:sub(4) } } end
  return { payload }
end

-- What datagrams say of how they leave, by the type of their socket; where the list
-- ends nothing.
local WAYS = {
  udp4 = { { ttl = 9 }, { localAddress = "127.0.0.3", typeOfService = 4 },
    { interface = "lo", localAddress = "127.0.0.1" }, {} },
  udp6 = { { ttl = 9, typeOfService = 4 }, { localAddress = "::1", interface = 1 }, {} },
  unix_dgram = { {} },
}

-- Adds the options of a datagram to its arguments, if it has any.
local function add_options(self, arguments, number)
  arguments[#arguments + 1] = WAYS[self.kind][number % 11]
end

-- Sends a datagram to where a target leads, or to the peer: it is one and the same
-- until the call.
local function send(self, to, form, size, quiet)
  if not self.socket then return end
  hold()
  local rest, dest, manner = {}, self.peer, "literal"
  if self.peer == nil then rest, dest, manner = to() end
  local entry = new_entry(self, dest or nil, manner, size)
  local arguments = forms(entry.payload, form)
  for _, value in ipairs(rest) do arguments[#arguments + 1] = value end
  entry.quiet = quiet
  add_options(self, arguments, entry.number)
  if not quiet then arguments[#arguments + 1] = callback_of(self, entry) end
  submit(self, entry, 1, #entry.payload, "send", unpack(arguments))
end

-- Sends many datagrams at once.
local function send_many(self, to, count, size, quiet)
  if not self.socket then return end
  hold()
  local rest, dest, manner = {}, self.peer, "literal"
  if self.peer == nil then rest, dest, manner = to() end
  local group, messages = { completions = 0, number = 0 }, {}
  for i = 1, count do
    group[i] = new_entry(self, dest or nil, manner, size)
    group[i].group, group[i].quiet = group, quiet
    messages[i] = group[i].payload
  end
  local arguments = { messages, unpack(rest) }
  add_options(self, arguments, #run.entries)
  if not quiet then
    run.groups[#run.groups + 1] = group
    arguments[#arguments + 1] = group_callback(self, group)
  end
  submit(self, group, count, count * (size + 8), "sendMany", unpack(arguments))
end

-- --------------------------------------------------------------------- calls

local decode -- takes a call from the input; returns a function that makes it

-- Notes that the socket is closed by now. A finalizer within may run the loop until
-- 'close'.
local function close(self)
  self.in_close = true
  if try(self, "close") then self.closing = true end
end

-- Notes that a call changes the peer: what is under way to the socket need not arrive,
-- and what is just being sent may go elsewhere. Returns a function that tells whether
-- this is still the last such call: a finalizer may have made another in it.
local function begin_move(self)
  local submitted = self.submitted
  excuse(self)
  for _, entry in ipairs(submitted and (submitted[1] and submitted or { submitted }) or {}) do
    entry.dest, entry.excused = nil, true
  end
  self.moves = (self.moves or 0) + 1
  local mine = self.moves
  return function() return self.moves == mine end
end

-- Connects.
local function connect(self, method, to)
  local arguments, dest = to()
  local before, is_last = self.connecting, begin_move(self)
  self.connecting, self.in_sync = dest or false, method == "connectSync"
  local ok, err = try(self, method, unpack(arguments))
  if not is_last() then return err end
  self.in_sync = false
  if not ok then self.connecting = before end
  if ok and method == "connectSync" then
    self.peer, self.connecting = dest or false, nil
  end
  return err
end

-- Disconnects.
local function disconnect(self)
  local is_last = begin_move(self)
  if not try(self, "disconnect") then return end
  self.disconnected = true
  if is_last() then self.peer = nil end
end

-- Makes a listener's error.
local function raise()
  local err = setmetatable({}, { __tostring = function() return "on purpose" end })
  run.raised[err] = true
  error(err, 0)
end

-- Lets the collector find an object whose finalizer carries a plan out.
local function plant(plan)
  local mine = run
  local function finalize()
    if run ~= mine or run.quiet then return end
    run.finalizing = run.finalizing + 1
    pcall(perform, plan)
    run.finalizing = run.finalizing - 1
  end
  if not newproxy then return setmetatable({}, { __gc = finalize }) end
  getmetatable(newproxy(true)).__gc = finalize
end

-- Forgets a unix socket that was never bound: the collector may have it.
local function drop(self)
  if self.kind ~= "unix_dgram" or self.bound or self.closing then return end
  self.socket, self.controller, self.dropped = nil, nil, true
  run.dropped = true
end

-- Adopts the descriptor of another socket, which must fail.
local function adopt_live(self, other)
  local fd = other and other ~= self and other.socket and other.socket:fileno()
  if not fd then return end
  local ok, err = try(self, "bind", { fd = fd })
  check(not ok, "socket %d adopted what socket %d has", self.id, other.id)
  check(self.bound or not err or err.code ~= "ERR_INVALID_FD_TYPE"
    or self.kind ~= other.kind, "the type is right")
end

-- Adopts a descriptor that is nobody's.
local function adopt_foreign(self)
  if not self.socket or run.finishing then return end
  local fd = foreign(self)
  if try(self, "bind", { fd = fd }) then
    note_name(self)
    self.adopted = true
  else
    close_foreign(self, fd)
  end
end

-- Adopts what is no datagram socket: a file, a closed descriptor.
local function adopt_wrong(self, fd)
  if fd > 2 and is_open(fd) then return end
  check(not try(self, "bind", { fd = fd }), "adopted descriptor %d", fd)
end

-- Fills more peers that do not read than there are lanes.
local function crowd(self)
  if self.kind ~= "unix_dgram" or run.crowded or run.finishing then return end
  run.crowded = true
  for _ = 1, CROWD do
    local peer = make("unix_dgram", run.loops[1], 0, 0)
    bind(peer, 1)
    peer.paused = try(peer, "pause")
    local arguments = address_of(self, peer)
    for _ = 1, 13 do
      send(self, function() return arguments, peer, "path" end, 0, 10, false)
    end
  end
end

-- Answers the oldest lookup.
local function answer()
  if run.answers[1] then compat.remove(run.answers, 1)() end
end

-- Asks what can be asked.
local function query(self)
  if not self.socket then return end
  try(self, "address")
  try(self, "remoteAddress")
  check(self.socket:getSendQueueCount() >= 0, "less than nothing waits")
  check(tostring(self.socket):find("dgram.Socket", 1, true), "it has no name")
end

-- Sends arguments that make no sense; what is accepted is counted.
local function send_oddly(self, ...)
  if not (self.socket and try_send(self, 1, "send", ...)) then return end
  self.odd, run.odd = true, true
end

-- The calls, each with how often it stands in the list.
local CALLS = {
  { 8, function(self)
    local to, form, size = target(self), take(3), take()
    local large, quiet = take(16) == 0, take(4) == 0
    return function() send(self, to, form, size * (large and 30 or 1), quiet) end
  end },
  { 6, function(self)
    local to, count, size, quiet = target(self), take(60), take(64), take(4) == 0
    return function()
      for _ = 1, count do send(self, to, 0, size, quiet) end
    end
  end },
  { 4, function(self)
    local to, count, size, quiet = target(self), take(), take(), take(4) == 0
    return function() send_many(self, to, count, size, quiet) end
  end },
  { 10, function()
    local loop, mode = run.loops[take(2) + 1], take(8) == 0 and "once" or "nowait"
    return function() turn(loop, mode) end
  end },
  { 7, function(self) -- only once: a plan of plans of plans has no end
    if run.depth > 2 then return function() end end
    local event, plan = choose(EVENTS), decode()
    return function() self.plans[event] = plan end
  end },
  { 3, function()
    if run.depth > 2 then return function() end end
    local plan = decode()
    return function() plant(plan) end
  end },
  { 1, function() return collect end },
  { 2, function()
    local size = take()
    return function() collect("step", size) end
  end },
  { 3, function() return raise end },
  { 1, function(self) return function() close(self) end end },
  { 2, function(self)
    local how = take()
    return function() bind(self, how) end
  end },
  { 2, function(self)
    local to = target(self)
    return function() connect(self, "connect", to) end
  end },
  { 3, function(self)
    local to = target(self)
    return function() connect(self, "connectSync", to) end
  end },
  { 4, function(self) return function() disconnect(self) end end },
  { 5, function(self)
    return function() self.paused = try(self, "pause") or self.paused end
  end },
  { 5, function(self)
    return function() -- a finalizer may run the loop before it returns
      self.resuming = true
      self.paused = not try(self, "resume") and self.paused
      self.resuming = false
    end
  end },
  { 2, function(self) return function() try(self, "flush") end end },
  { 2, function(self)
    local method = take(2) == 0 and "ref" or "unref"
    return function() try(self, method) end
  end },
  { 2, function(self)
    local option, value = choose(OPTIONS), take(3) == 0 and oddity() or take()
    return function() try(self, option, value) end
  end },
  { 1, function(self)
    local method = take(2) == 0 and "addMembership" or "dropMembership"
    local group, interface = take(2) == 0 and "239.1.2.3" or oddity(), oddity()
    return function() try(self, method, group, interface) end
  end },
  { 1, function(self)
    local a, b, c, d = oddity(), oddity(), oddity(), oddity()
    return function() send_oddly(self, a, b, c, d) end
  end },
  { 1, function(self)
    local wanted = take(2) == 0
    return function() hear_messages(self, wanted) end
  end },
  { 1, function(self)
    local wanted = take(2) == 0
    return function() hear_errors(self, wanted) end
  end },
  { 1, function(self)
    return function()
      if self.controller then
        self.in_close = true
        self.controller:abort()
        self.closing = true
      end
    end
  end },
  { 1, function(self) return function() drop(self) end end },
  { 1, function(self)
    local place = take(SOCKETS) + 1
    return function() adopt_live(self, run.places[place]) end
  end },
  { 1, function(self) return function() adopt_foreign(self) end end },
  { 1, function(self)
    local fd = take(64)
    return function() adopt_wrong(self, fd) end
  end },
  { 2, function() return answer end },
  { 1, function(self) return function() query(self) end end },
  { 1, function(self)
    local rare = take(4) == 0
    return function() if rare then crowd(self) end end
  end },
}

local LIST = {}
for _, row in ipairs(CALLS) do
  for _ = 1, row[1] do LIST[#LIST + 1] = row[2] end
end

-- Takes a call, and the socket it is made on.
function decode()
  run.depth = run.depth + 1
  local self = create(take(SOCKETS) + 1)
  local plan = self and choose(LIST)(self) or function() end
  run.depth = run.depth - 1
  return plan
end

-- ------------------------------------------------------------------- the end

-- Answers all lookups.
local function answer_all()
  while run.answers[1] do answer() end
end

-- Tells whether something waits to be sent, or a timer was started.
local function is_waiting()
  for _, loop in ipairs(run.loops) do
    if next(loop.armed) then return true end
  end
  for _, self in ipairs(run.all) do
    if self.socket and self.socket:getSendQueueCount() > 0 then return true end
  end
  return false
end

-- Turns the loops once; waits for timers when nothing happens otherwise.
local function turn_all()
  local before = run.events
  for _, loop in ipairs(run.loops) do turn(loop, "nowait") end
  answer_all()
  if run.events > before then return true end
  for _, loop in ipairs(run.loops) do
    if next(loop.armed) then turn(loop, "once") end
  end
  return run.events > before
end

-- Names the sockets something waits in.
local function waiting()
  local list = {}
  for _, self in ipairs(run.all) do
    local count = self.socket and self.socket:getSendQueueCount() or 0
    if count > 0 then list[#list + 1] = ("%d of socket %d (%s)"):format(count,
      self.id, tostring(self.socket)) end
  end
  return table.concat(list, ", ")
end

-- Lets everybody read until all has come.
local function calm_down()
  local deadline, calm = core.now() + PATIENCE, 0
  while calm < 3 do
    calm = not turn_all() and not is_waiting() and calm + 1 or 0
    check(core.now() < deadline, "it has no end: %s", waiting())
  end
end

-- Checks that a loop with nothing to do does nothing.
local function check_rest()
  for _, loop in ipairs(run.loops) do
    loop.woken = {}
    for _ = 1, 20 do turn(loop, "nowait") end
    check(#loop.woken == 0, "%d wake-ups for nothing: %s", #loop.woken,
      table.concat(loop.woken, ", "))
  end
end

-- Tells whether a datagram was taken by the kernel: its callback said so, or
-- nothing its sender sent without one has failed.
local function was_taken(entry)
  if entry.group and not entry.quiet then return entry.group.sent end
  if not entry.quiet then return entry.sent end
  local from = entry.from
  return from.socket and not from.odd and entry.accepted ~= false
    and not (entry.group and not entry.group.accepted)
    and from.socket:stats().sendErrors == from.failures
end

-- Tells whether what the kernel took for a socket must have been heard.
local function must_hear(dest)
  return dest and dest.socket and not dest.closing
    and dest.socket:stats().dropped == 0
end

-- Checks that what was taken for sockets that read has come.
local function check_arrival()
  for _, entry in ipairs(run.entries) do
    if not entry.heard and not entry.excused and must_hear(entry.dest)
      and was_taken(entry) then
      fail("%d of socket %d did not come to socket %d", entry.number,
        entry.from.id, entry.dest.id)
    end
  end
  for _, group in ipairs(run.groups) do
    if group.count and must_hear(group[1] and group[1].dest)
      and not group[#group].excused and not group[1].excused then
      check(group.heard_of() == group.count, "%d of a group of %d came, not %d",
        group.heard_of(), #group, group.count)
    end
  end
end

-- Checks what is promised while the sockets are open.
local function check_open()
  for _, self in ipairs(run.all) do
    if self.socket and not self.closing then
      check(self.socket:getSendQueueSize() == 0, "no datagram, but bytes wait")
      check(self.noes == 0 or self.drained, "socket %d: no 'drain'", self.id)
    end
  end
end

-- Lets all that is under way arrive, and checks it.
local function settle()
  run.quiet = true
  for _, self in ipairs(run.all) do
    if self.paused and try(self, "resume") then self.paused = false end
  end
  answer_all()
  calm_down()
  check_rest()
  check_open()
  check_arrival()
end

-- Closes everything and runs the loops until nothing keeps them.
local function finish()
  run.finishing = true
  for _, self in ipairs(run.all) do
    if self.socket and not self.closing then close(self) end
  end
  local deadline = core.now() + PATIENCE
  while run.loops[1].alive() or run.loops[2].alive() or run.answers[1] do
    turn_all()
    if run.dropped then collectgarbage() end
    check(core.now() < deadline, "a loop does not end")
  end
end

-- Checks that each datagram has had the completions it is owed.
local function check_completions()
  local function examine(entry, what)
    local wanted = entry.accepted and not entry.quiet and 1 or 0
    check(entry.completions == wanted, "%s: %d completions", what,
      entry.completions)
  end
  for _, entry in ipairs(run.entries) do
    if not entry.group then examine(entry, "datagram " .. entry.number) end
  end
  for i, group in ipairs(run.groups) do examine(group, "group " .. i) end
end

-- Checks what is left to check when all is over.
local function check_closed()
  for _, self in ipairs(run.all) do
    check(self.gone or self.dropped, "socket %d: no 'close'", self.id)
    check(not self.name or self.name ~= self.path
      or not os.rename(self.path, self.path), "socket %d left its path", self.id)
  end
  check_completions()
  check(next(run.raised) == nil, "what a listener raised was not heard of")
end

-- Checks that no descriptor is left.
local function check_descriptors(before)
  if descriptors() == before then return end
  if jit then jit.flush() end -- traces keep what they were made for
  collectgarbage()
  collectgarbage()
  local now = descriptors()
  assert(now == before, "descriptors are left: " .. now .. ", not " .. before)
end

-- Names a descriptor, and the socket that has it.
local function name_of(fd)
  for _, self in ipairs(run.all) do
    if self.socket and not self.closing and self.socket:fileno() == fd then
      return describe(self)
    end
  end
  return "descriptor " .. fd
end

-- Makes a poll() loop that notes what it calls while it is to rest, and knows of its
-- timers.
local function new_loop()
  local loop = poll_loop.new()
  local poll, idle, timer = loop.poll, loop.idle, loop.timer
  local function note(...)
    if loop.woken then loop.woken[#loop.woken + 1] = ("%s %s"):format(...) end
  end
  loop.plain_timer, loop.armed = timer, {}
  function loop.poll(fd, callback)
    return poll(fd, function(err, events)
      run.events = run.events + 1 -- that a forgotten socket sends shows nowhere else
      if loop.woken then note(err or events, name_of(fd)) end
      return callback(err, events)
    end)
  end
  function loop.idle(callback)
    return idle(function()
      note("a turn of", loop == run.loops[1] and "loop 1" or "loop 2")
      return callback()
    end)
  end
  function loop.timer(callback)
    local handle
    handle = timer(function()
      loop.armed[handle] = nil
      return callback()
    end)
    local start, stop = handle.start, handle.stop
    function handle:start(milliseconds)
      start(self, milliseconds)
      loop.armed[self] = true
    end
    function handle:stop()
      loop.armed[self] = nil
      stop(self)
    end
    return handle
  end
  return loop
end

-- Begins a run.
local function begin(data)
  run = { data = data, at = 1, loops = { new_loop(), new_loop() }, places = {},
    all = {}, entries = {}, groups = {}, answers = {}, raised = {},
    lookup_errors = {}, list = dgram.BlockList(), turns = 0, events = 0,
    finalizing = 0, depth = 0 }
  run.list:addAddress("127.0.0.2")
end

-- Makes the calls of an input.
local function play()
  local settles = take(3) > 0
  while run.at <= #run.data and not run.finding do perform(decode()) end
  if settles then settle() end
  finish()
  check_closed()
end

local runs = 0

return function(data)
  local before = descriptors()
  begin(data)
  local ok, err = pcall(play)
  local finding = run.finding or not ok and err
  run = nil
  collectgarbage("restart")
  if finding then error(finding, 0) end
  check_descriptors(before)
  runs = runs + 1
  if runs % 200 ~= 0 then return end
  collectgarbage()
  collectgarbage()
  assert(collectgarbage("count") < 8192, "memory is not given back")
end
