-- A game's server: the state of its world, 60 times a second, to all who play. Each tick
-- is sent as what has changed since the last tick that a player has acknowledged, so
-- what is lost costs nothing but a larger difference, and who comes late, or was gone
-- too long, gets it whole. End with Ctrl-C.
--   lua5.4 examples/game_state.lua [PORT [THINGS]]
--   node spec/peers/game_state.js 127.0.0.1 5060 200 60 0.1   (200 players, 60 ticks each)
-- A player sends "ack TICK TOKEN", "ack 0 0" at first. He is told "token TOKEN" when his
-- is not the one he was given (nobody has others flooded), and gets at each tick
--   TICK BASE PART PARTS SUM|ID X Y|ID X Y...
-- When the parts are all there, they make what he had at BASE (0: nothing) what there is
-- at TICK, which has the sum SUM.
local dgram = require "dgram"
local uv = require "luv"

local port, things = tonumber(arg[1]) or 5060, tonumber(arg[2]) or 300

local RATE = 60 -- ticks a second
local HISTORY = 60 -- ticks that are remembered: a second
local SILENCE = 2000 -- milliseconds until a player is taken for gone
local PLAYERS, MOST = 1000, 1200 -- at most: players, bytes a datagram

local players, count = {}, 0
local tick, world, history = 0, {}, {}

for id = 1, things do
  world[id] = { x = math.random(0, 999), y = math.random(0, 999),
    dx = math.random(-3, 3), dy = math.random(-3, 3) }
end

-- Moves the world on, and remembers a text for each thing. Most rest; each moves for a
-- second now and then.
local function advance()
  tick = tick + 1
  local state, sum = {}, 0
  for id, thing in ipairs(world) do
    if math.floor(tick / RATE + id) % 8 == 0 then
      thing.x, thing.y = (thing.x + thing.dx) % 1000, (thing.y + thing.dy) % 1000
    end
    state[id] = id .. " " .. thing.x .. " " .. thing.y
    sum = (sum + id * (thing.x * 1000 + thing.y)) % 1000003
  end
  history[tick], history[tick - HISTORY] = { state = state, sum = sum }, nil
end

-- Cuts texts into bodies of datagrams that no link has to cut up.
local function pack(texts)
  local bodies, from, length = {}, 1, 0
  for i, text in ipairs(texts) do
    if length + #text + 1 > MOST then
      bodies[#bodies + 1] = table.concat(texts, "|", from, i - 1)
      from, length = i, 0
    end
    length = length + #text + 1
  end
  bodies[#bodies + 1] = table.concat(texts, "|", from)
  return bodies
end

-- The datagrams that tell this tick to those who have another; made once for all of them.
local function update(base)
  local now, before = history[tick], history[base] and history[base].state or {}
  local changed = {}
  for id, text in ipairs(now.state) do
    if before[id] ~= text then changed[#changed + 1] = text end
  end
  local datagrams = pack(changed)
  for i, body in ipairs(datagrams) do
    datagrams[i] = ("%d %d %d %d %d|%s"):format(tick, history[base] and base or 0, i,
      #datagrams, now.sum, body)
  end
  return datagrams
end

local server = dgram.createSocket { type = "udp4", sendBufferSize = 4194304,
  recvBufferSize = 4194304 }

-- Tells everybody of this tick; those who are silent are taken for gone.
local function tell()
  local updates = {}
  for key, player in pairs(players) do
    if uv.now() - player.heard > SILENCE then
      players[key], count = nil, count - 1
    elseif player.has then
      local base = history[player.has] and player.has or 0
      updates[base] = updates[base] or update(base)
      server:sendMany(updates[base], player.port, player.address)
    end
  end
end

-- Makes a player of a sender, who is told nothing before he has shown his token.
local function join(key, rinfo)
  if count >= PLAYERS then return nil end
  count = count + 1
  players[key] = { port = rinfo.port, address = rinfo.address, heard = uv.now(),
    token = uv.random(8):gsub(".", function(c) return ("%02x"):format(c:byte()) end) }
  return players[key]
end

server:on("message", function(msg, rinfo)
  local has, token = msg:match("^ack (%d+) (%x+)$")
  if not has or tonumber(has) > tick or rinfo.port == 0 then return end
  local key = rinfo.address .. " " .. rinfo.port
  local player = players[key] or join(key, rinfo)
  if not player then return end
  if token ~= player.token then
    server:reply("token " .. player.token, rinfo)
  else
    player.heard = uv.now()
    player.has = math.max(player.has or 0, tonumber(has)) -- late ones are out of date
  end
end)

-- The clock: ticks are due at fixed times, whatever each takes. What is late is caught up
-- with, and told once.
local clock, start = uv.new_timer(), nil
local function on_clock()
  local due = math.floor((uv.hrtime() - start) * RATE / 1e9)
  due = math.min(due, tick + RATE) -- a second at most at a time
  if due > tick then
    for _ = tick + 1, due do advance() end
    tell()
  end
  local next_at = start + (tick + 1) * 1e9 / RATE
  clock:start(math.max(1, math.ceil((next_at - uv.hrtime()) / 1e6)), 0, on_clock)
end

server:bind(port, "0.0.0.0", function()
  print("listening on port " .. server:address().port)
  start = uv.hrtime()
  on_clock()
end)

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
interrupt:start("sigint", function()
  interrupt:close()
  clock:close()
  print(("%d ticks in %.1f seconds"):format(tick, (uv.hrtime() - start) / 1e9))
  server:close()
end)
uv.run()
