-- The world of game_state.lua: things that move, and what those have to be told of it
-- who know it as it was some ticks ago.
--
--   local world = World.new(300)
--   world:advance()
--   for _, datagram in ipairs(world:update(0)) do ... end
local World = {
  HISTORY = 60, -- ticks that are remembered
  MOST = 1200, -- bytes a datagram, which no link has to cut up
}
World.__index = World

local REST = 60 -- ticks: each thing moves for so long, then rests seven times as long

--- Makes a world of so many things, at tick 0, of which nobody knows anything.
function World.new(things)
  local self = setmetatable({ tick = 0, things = {}, history = {} }, World)
  for id = 1, things do
    self.things[id] = { x = math.random(0, 999), y = math.random(0, 999),
      dx = math.random(-3, 3), dy = math.random(-3, 3) }
  end
  return self
end

--- Moves the world on by a tick, and remembers a text for each thing.
function World:advance()
  self.tick = self.tick + 1
  local texts, sum = {}, 0
  for id, thing in ipairs(self.things) do
    if math.floor(self.tick / REST + id) % 8 == 0 then
      thing.x, thing.y = (thing.x + thing.dx) % 1000, (thing.y + thing.dy) % 1000
    end
    texts[id] = id .. " " .. thing.x .. " " .. thing.y
    sum = (sum + id * (thing.x * 1000 + thing.y)) % 1000003
  end
  self.history[self.tick] = { texts = texts, sum = sum }
  self.history[self.tick - self.HISTORY] = nil
end

-- Joins texts to bodies of so many bytes at most, and one at least.
local function pack(texts, most)
  local bodies, from, length = {}, 1, 0
  for i, text in ipairs(texts) do
    if length + #text + 1 > most then
      bodies[#bodies + 1] = table.concat(texts, "|", from, i - 1)
      from, length = i, 0
    end
    length = length + #text + 1
  end
  bodies[#bodies + 1] = table.concat(texts, "|", from)
  return bodies
end

--- Returns the datagrams that tell this tick to those who know an earlier one, or all of
--- it to those who know none that is remembered.
function World:update(base)
  local now, before = self.history[self.tick], self.history[base]
  local changed = {}
  for id, text in ipairs(now.texts) do
    if not before or before.texts[id] ~= text then changed[#changed + 1] = text end
  end
  local bodies, datagrams = pack(changed, self.MOST - 40), {} -- 40 for what stands before
  for i, body in ipairs(bodies) do
    datagrams[i] = ("%d %d %d %d %d|%s"):format(self.tick, before and base or 0, i, #bodies,
      now.sum, body)
  end
  return datagrams
end

return World
