-- CoAP's message layer (RFC 7252, section 4) on a socket: what has to be confirmed
-- is sent again, later and later; a duplicate gets the same answer again; what cannot
-- be understood is reset.
--   local messages = Messages.new(socket, function(request, rinfo) return response end)
-- A response is a message without type, id and token. The socket has the option
-- recvInfo, with localAddress.
local coap = require "coap"
local dgram = require "dgram"
local uv = require "luv"

local Messages = {
  -- Milliseconds and tries (section 4.8), and how many answers are kept.
  ACK_TIMEOUT = 2000, MAX_RETRANSMIT = 4, EXCHANGE_LIFETIME = 247000, MAX_ANSWERS = 10000,
}
Messages.__index = Messages

math.randomseed(math.floor(uv.hrtime() % 2147483647))

-- The key of what a peer told us, or we told it: an id, or a token.
function Messages.key(rinfo, what)
  return table.concat({ rinfo.address, rinfo.port, rinfo.localAddress, what }, " ")
end

-- The next id for a message of our own.
local function next_id(self)
  self.id = (self.id + 1) % 65536
  return self.id
end

-- Sends a message to a peer, with the id and the type it has by now.
local function transmit(self, message, rinfo)
  self.socket:reply(coap.encode(message), rinfo)
end

-- Keeps an answer for duplicates as long as section 4.8.2 wants; in a flood not quite.
local function keep(self, key, answer)
  if self.fresh >= self.MAX_ANSWERS or uv.now() - self.since > self.EXCHANGE_LIFETIME then
    self.older, self.answers, self.fresh, self.since = self.answers, {}, 0, uv.now()
  end
  self.answers[key], self.fresh = answer, self.fresh + 1
end

-- Answers a request, with its confirmation if it wants one.
local function answer(self, request, rinfo)
  local key = Messages.key(rinfo, request.id)
  local message = self.answers[key] or self.older[key]
  if message and request.type == "NON" then return end
  if not message then
    message = self.serve(request, rinfo)
    message.type = request.type == "CON" and "ACK" or "NON"
    message.id = request.type == "CON" and request.id or next_id(self)
    message.token = request.token
    keep(self, key, message)
  end
  transmit(self, message, rinfo)
end

-- Hears a datagram.
local function receive(self, datagram, rinfo)
  if rinfo.port == 0 then return end -- nobody can be answered there
  local message, _, broken = coap.decode(datagram)
  if not message then
    if broken then transmit(self, { type = "RST", code = "0.00", id = broken }, rinfo) end
  elseif message.type == "ACK" or message.type == "RST" then
    local confirm = self.waiting[Messages.key(rinfo, message.id)]
    if confirm then confirm(message.type) end
  elseif message.code:find("^0") and message.code ~= "0.00" then
    answer(self, message, rinfo)
  elseif message.type == "CON" then -- a ping, or what nobody asked for
    transmit(self, { type = "RST", code = "0.00", id = message.id }, rinfo)
  end
end

--- Sends a peer what `compose()` returns, in a confirmable message, until it is
--- confirmed: each time after twice as long, and as it is by then. Suspends; returns
--- "ACK", "RST", or nil when there was no answer, or nothing to be sent any more.
function Messages:deliver(compose, rinfo)
  local timer, wait = uv.new_timer(), self.ACK_TIMEOUT * (1 + math.random() / 2)
  local message, key, outcome
  timer:unref()
  for _ = 0, self.MAX_RETRANSMIT do
    local newest = compose()
    if newest ~= message then -- has an id of its own
      self.waiting[key or ""], message = nil, newest
      if not message then break end
      message.type, message.id = "CON", next_id(self)
      key = Messages.key(rinfo, message.id)
    end
    transmit(self, message, rinfo)
    outcome = dgram.await(function(callback)
      self.waiting[key] = callback
      timer:start(math.floor(wait), 0, function() callback(nil) end)
    end)
    if outcome or self.closed then break end
    wait = wait * 2
  end
  self.waiting[key or ""] = nil
  timer:close()
  return outcome
end

--- Closes the socket.
function Messages:close()
  self.closed = true
  self.socket:close()
end

--- Speaks CoAP on a socket; `serve(request, rinfo)` returns the response.
function Messages.new(socket, serve)
  local self = setmetatable({ socket = socket, serve = serve, waiting = {},
    id = math.random(0, 65535), answers = {}, older = {}, fresh = 0, since = uv.now(),
  }, Messages)
  socket:on("message", function(datagram, rinfo) receive(self, datagram, rinfo) end)
  return self
end

return Messages
