-- Drives the model of api.lua from a seed, with any Lua, until it finds something or
-- the time is over:
--   lua5.1 spec/fuzz/model.lua SEED [SECONDS]
-- Without SECONDS only this seed, else those that follow it, too. Each is printed
-- before it is tried, and finds again what it found. SEED may be a file: an input of
-- libFuzzer, or a part of one.
package.path = "./?.lua;" .. package.path
local core = require "dgram.core"
local play = require "spec.fuzz.api"

local LONGEST = 1500 -- bytes of an input

-- The minimal standard generator of Park and Miller: the same with every Lua.
local function generator(seed)
  local state = seed % 2147483646 + 1
  return function(most)
    state = state * 16807 % 2147483647
    return math.floor(state / 2147483647 * most)
  end
end

-- Makes the input of a seed.
local function input_of(seed)
  local random = generator(seed * 7919)
  for _ = 1, 10 do random(256) end
  local bytes = {}
  for i = 1, random(LONGEST) do bytes[i] = string.char(random(256)) end
  return table.concat(bytes)
end

-- Reads the input of a file; nil when there is none.
local function input_in(path)
  local file = io.open(path, "rb")
  local data = file and file:read("*a")
  if file then file:close() end
  return data
end

-- Plays one input; ends the process when it finds something.
local function try(name, data)
  print(("%s, seed %s"):format(_VERSION, name))
  io.stdout:flush()
  local ok, err = pcall(play, data)
  if ok then return end
  print(tostring(err))
  os.exit(1)
end

local seed, seconds = tonumber(arg[1]), tonumber(arg[2] or 0)
if not seed then
  try(arg[1], assert(input_in(arg[1]), "no seed and no file"))
  return
end
local first, over = seed, core.now() + seconds * 1000
repeat
  try(seed, input_of(seed))
  seed = seed + 1
until core.now() >= over
print(("%d seeds, nothing found"):format(seed - first))
