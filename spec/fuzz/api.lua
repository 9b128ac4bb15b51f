-- Makes the calls that the fuzzer thinks of, on a few sockets of a loop of
-- their own, and checks the events' rules: each callback once and not inside
-- send, no message after close, order kept, errors that are documented ones.
local dgram = require "dgram"
local poll_loop = require "dgram.loop.poll"

local SOCKETS = 4
local KINDS = { "udp4", "udp6", "unix_dgram" }
local TEXTS = { "127.0.0.1", "::1", "name.test", "256.1.1.1", "", "%",
  "\0dgram-fuzz", "/nonexistent/socket", "255.255.255.255", "fe80::1%lo" }
local OPTIONS = { "setTTL", "setMulticastTTL", "setBroadcast",
  "setMulticastLoopback", "setRecvBufferSize", "setSendBufferSize" }

local run -- the calls of one input

-- Takes the next byte of the input; 0 when there is none.
local function take(most)
  local byte = run.data:byte(run.at) or 0
  run.at = run.at + 1
  return most and byte % most or byte
end

-- A value of any type, mostly useless.
local function oddity()
  local odd = { nil, false, true, 0, -1, 70000, 0.5, 0 / 0, 2 ^ 53, "", "9",
    "x", {}, { "a", "b" }, { 1 }, print, math.huge, "\0" }
  return odd[take(18) + 1]
end

-- Calls a method; what it raises must be one of our errors, or the listener's.
local function try(socket, method, ...)
  local ok, err = pcall(socket[method], socket, ...)
  if ok then return true, err end
  assert(err == "raised on purpose"
    or type(err) == "table" and type(err.code) == "string", tostring(err))
  return false
end

-- Notes that a message came: not after close, and each sender's in order.
local function heard(self, msg)
  assert(not self.closing, "a message after close")
  local from, number = msg:match("^(%d+%.%d+):(%d+):")
  if not from then return end
  local key = from .. ">" .. self.id
  number = tonumber(number)
  assert(number > (run.last[key] or 0), "out of order")
  run.last[key] = number
  local misdeed = self.misdeed
  self.misdeed = nil
  if misdeed == 1 then try(self.socket, "close") self.closing = true end
  if misdeed == 2 then run.loop.run("nowait") end
  if misdeed == 3 then error("raised on purpose", 0) end
end

-- How the sockets' lookup answers: at once, later, twice, wrongly, by raising.
local function lookup(_, family, answer)
  local address = family == 6 and "::1" or "127.0.0.1"
  local how = take(6)
  if how == 0 then return answer(nil, address) end
  if how == 1 then answer(nil, address) return answer(nil, address) end
  if how == 2 then return answer(nil, oddity()) end
  if how == 3 then error("raised on purpose", 0) end
  run.answers[#run.answers + 1] = function() answer(nil, address) end
end

-- Makes a socket in a place of the table.
local function create(place)
  local old = run.sockets[place]
  if old and not old.gone then return end
  run.made = run.made + 1
  local self = { id = run.made, sent = {}, count = 0,
    epoch = 0 } -- connect() begins another: it may overtake what waits
  local bits = take()
  self.kind = KINDS[bits % 3 + 1]
  self.socket = dgram.createSocket {
    type = self.kind, loop = run.loop,
    reuseAddr = bits & 4 ~= 0, gso = bits & 8 == 0, gro = bits & 16 == 0,
    lookup = bits & 32 ~= 0 and lookup or nil,
    highWaterMark = bits & 64 ~= 0 and 50 or nil,
    maxQueue = bits & 128 ~= 0 and 200 or nil,
  }
  self.socket:on("message", function(msg) heard(self, msg) end)
  self.socket:on("error", function(err)
    assert(type(err) == "table" and err.code
      or err == "raised on purpose", tostring(err))
  end)
  self.socket:on("close", function()
    assert(not self.gone, "'close' came twice")
    self.gone = true
  end)
  run.sockets[place] = self
  run.all[#run.all + 1] = self
end

-- Where another socket can be reached: the arguments that follow the message.
local function target(self)
  local other = run.sockets[take(SOCKETS) + 1]
  local ok, address = pcall(function() return other.socket:address() end)
  if not ok or other.kind ~= self.kind then
    if self.kind == "unix_dgram" then return TEXTS[take(#TEXTS) + 1] end
    return 9, TEXTS[take(#TEXTS) + 1]
  end
  if self.kind == "unix_dgram" then return address.address end
  if address.port == 0 then return 9 end
  return address.port, self.kind == "udp4" and "127.0.0.1" or "::1"
end

-- Sends a numbered message; what is accepted has one completion.
local function send(self, form)
  self.count = self.count + 1
  local entry = { completions = 0 }
  local msg = ("%d.%d:%d:"):format(self.id, self.epoch, self.count)
    .. ("x"):rep(take() * (form & 1 == 0 and 1 or 40))
  local function callback(err, bytes)
    assert(entry.accepted ~= nil, "called inside send")
    entry.completions = entry.completions + 1
    assert(entry.completions == 1, "a second completion")
    assert(not err and bytes == #msg or type(err) == "table"
      or err == "raised on purpose", "no completion: " .. tostring(err))
  end
  local arguments = { msg }
  if form & 2 ~= 0 then arguments = { msg, 0, #msg } end
  if form & 4 ~= 0 then arguments[1] = { msg:sub(1, 3), msg:sub(4) } end
  if form & 8 == 0 then
    for _, value in ipairs { target(self) } do
      arguments[#arguments + 1] = value
    end
  end
  if form & 16 == 0 then arguments[#arguments + 1] = callback end
  entry.expected = form & 16 == 0
  entry.accepted = false
  entry.accepted = try(self.socket, "send", table.unpack(arguments))
  self.sent[#self.sent + 1] = entry
end

-- The calls: each gets a socket of the table.
local calls = {
  function(self) send(self, take()) end,
  function(self) send(self, 0) end,
  function(self) for _ = 1, take(40) do send(self, 0) end end,
  function(self)
    if self.kind == "unix_dgram" then
      try(self.socket, "bind", "\0dgram-fuzz-" .. self.id)
    else
      try(self.socket, "bind", 0, TEXTS[take(3) + 1])
    end
  end,
  function(self)
    try(self.socket, "bindSync", { address = self.kind == "udp4"
      and "127.0.0.1" or self.kind == "udp6" and "::1" or nil })
  end,
  function(self)
    local closing = try(self.socket, "close")
    self.closing = self.closing or closing
  end,
  function(self)
    self.epoch = self.epoch + 1
    try(self.socket, "connect", target(self))
  end,
  function(self)
    self.epoch = self.epoch + 1
    try(self.socket, "connectSync", target(self))
  end,
  function(self) try(self.socket, "disconnect") end,
  function(self) try(self.socket, "address") end,
  function(self) try(self.socket, "remoteAddress") end,
  function(self) self.socket:ref() end,
  function(self) self.socket:unref() end,
  function(self) self.misdeed = take(4) end,
  function(self) try(self.socket, OPTIONS[take(#OPTIONS) + 1], take()) end,
  function(self) try(self.socket, OPTIONS[take(#OPTIONS) + 1], oddity()) end,
  function(self)
    try(self.socket, take(2) == 0 and "addMembership" or "dropMembership",
      take(2) == 0 and "239.1.2.3" or oddity(), oddity())
  end,
  function(self)
    self.odd = true -- what this sends has no number
    try(self.socket, "send", oddity(), oddity(), oddity(), oddity())
  end,
  function(self) try(self.socket, "sendto", "odd", oddity(), oddity(), 9) end,
  function(self) self.socket:removeAllListeners("message") end,
  function(self)
    self.socket:on("message", function(msg) heard(self, msg) end)
    self.socket:removeAllListeners("message")
    self.socket:on("message", function(msg) heard(self, msg) end)
  end,
  function(self)
    self.socket:getSendQueueSize()
    assert(self.socket:getSendQueueCount() >= 0)
  end,
  function() if run.answers[1] then table.remove(run.answers, 1)() end end,
}

-- A turn of the loop; what listeners raise on purpose leaves it.
local function turn()
  local ok, err = pcall(run.loop.run, "nowait")
  assert(ok or tostring(err):find("raised on purpose", 1, true), tostring(err))
end

-- Closes everything and turns the loop until nothing keeps it.
local function finish()
  for _, answer in ipairs(run.answers) do answer() end
  for _, self in ipairs(run.all) do
    if not self.closing and not self.gone then
      assert(try(self.socket, "close") or self.socket._closed)
      self.closing = true
    end
  end
  for _ = 1, 500 do
    if not run.loop.alive() then break end
    for _, answer in ipairs(run.answers) do answer() end
    local ok, err = pcall(run.loop.run, "once")
    assert(ok or tostring(err):find("raised on purpose", 1, true),
      tostring(err))
  end
  assert(not run.loop.alive(), "the loop does not end")
end

-- Checks what is left to check when all is over.
local function check()
  for _, self in ipairs(run.all) do
    assert(self.gone, "no 'close'")
    for i, entry in ipairs(self.sent) do
      local wanted = entry.accepted and entry.expected and 1 or 0
      assert(entry.completions == wanted,
        ("send %d of socket %d: %d completions"):format(i, self.id,
          entry.completions))
    end
  end
end

-- Checks now and then that neither memory nor descriptors pile up.
local function check_leaks()
  run = nil
  collectgarbage()
  collectgarbage()
  assert(collectgarbage("count") < 8192, "memory is not given back")
  local loop = poll_loop.new()
  local socket = dgram.createSocket { type = "udp4", loop = loop }
  socket:bindSync()
  assert(socket:fileno() < 32, "descriptors are not given back")
  socket:close()
  loop.run()
end

local runs = 0

return function(data)
  run = { data = data, at = 1, loop = poll_loop.new(), sockets = {}, all = {},
    last = {}, answers = {}, made = 0 }
  while run.at <= #data do
    local op = take()
    local place = op % SOCKETS + 1
    op = op // SOCKETS
    if not run.sockets[place] then create(place) end
    if op == #calls then create(place)
    elseif op > #calls then turn()
    else calls[op + 1](run.sockets[place]) end
  end
  finish()
  check()
  runs = runs + 1
  if runs % 500 == 0 then check_leaks() end
end
