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
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local World = require "game_world"
local dgram = require "dgram"
local uv = require "luv"

local RATE = 60 -- ticks a second
local SILENCE = 2000 -- milliseconds until a player is taken for gone
local PLAYERS = 1000 -- at most

local world = World.new(assert(tonumber(arg[2] or 300), "usage: game_state.lua [PORT [THINGS]]"))
local players, count = {}, 0 -- by address and port
local server = dgram.createSocket { type = "udp4", sendBufferSize = 4194304,
  recvBufferSize = 4194304 }

-- Tells everybody of this tick; those who know the same are told the same datagrams.
-- Those who are silent are taken for gone.
local function tell()
  local updates = {}
  for key, player in pairs(players) do
    if uv.now() - player.heard > SILENCE then
      players[key], count = nil, count - 1
    elseif player.knows then
      local base = world.history[player.knows] and player.knows or 0
      updates[base] = updates[base] or world:update(base)
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
  local tick, token = msg:match("^ack (%d+) (%x+)$")
  if not tick or tonumber(tick) > world.tick or rinfo.port == 0 then return end
  local key = rinfo.address .. " " .. rinfo.port
  local player = players[key] or join(key, rinfo)
  if not player then return end
  if token ~= player.token then
    server:reply("token " .. player.token, rinfo)
  else
    player.heard = uv.now()
    player.knows = math.max(player.knows or 0, tonumber(tick)) -- late ones are out of date
  end
end)

-- The clock: ticks are due at fixed times, whatever each takes. What is late is caught up
-- with, and told once.
local clock, start = uv.new_timer(), uv.hrtime()
local function on_clock()
  local due = math.floor((uv.hrtime() - start) * RATE / 1e9)
  due = math.min(due, world.tick + RATE) -- a second at most at a time
  if due > world.tick then
    while world.tick < due do world:advance() end
    tell()
  end
  local next_at = start + (world.tick + 1) * 1e9 / RATE
  clock:start(math.max(1, math.ceil((next_at - uv.hrtime()) / 1e6)), 0, on_clock)
end

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function()
  clock:close()
  print(("%d ticks in %.1f seconds"):format(world.tick, (uv.hrtime() - start) / 1e9))
  server:close()
end)

server:bindSync { port = arg[1] or 5060 }
print("listening on port " .. server:address().port)
on_clock()
uv.run()
