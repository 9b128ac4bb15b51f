-- The world of examples/game_state.lua, examples/game_world.lua: whoever hears of each
-- change, from whatever tick on, knows all of it.
local World = dofile "examples/game_world.lua"

-- Reads a tick's datagrams into what somebody knew at the tick they build upon; returns
-- what he knows by that, and the tick.
local function learn(datagrams, known)
  local state, tick, base, sum = {}, nil, nil, nil
  for i, datagram in ipairs(datagrams) do
    assert.is_true(#datagram <= World.MOST)
    local now, from, part, parts, check, things =
      datagram:match("^(%d+) (%d+) (%d+) (%d+) (%d+)|(.*)$")
    assert.equal(i, tonumber(part))
    assert.equal(#datagrams, tonumber(parts))
    tick, base, sum = tonumber(now), tonumber(from), tonumber(check)
    if i == 1 then
      for id, text in pairs(known[base] or {}) do state[id] = text end
    end
    for id, text in things:gmatch("(%d+) (%d+ %d+)") do state[tonumber(id)] = text end
  end
  local total = 0
  for id, text in pairs(state) do
    local x, y = text:match("(%d+) (%d+)")
    total = (total + id * (x * 1000 + y)) % 1000003
  end
  assert.equal(sum, total)
  return state, tick, base
end

describe("the world of a game", function()
  it("is told whole to who knows nothing, in as many datagrams as it takes", function()
    for things, parts in pairs { [0] = 1, [1] = 1, [300] = 3, [1000] = 11 } do
      local world = World.new(things)
      world:advance()
      local datagrams = world:update(0)
      local state, tick = learn(datagrams, {})
      assert.equal(things, #state)
      assert.equal(1, tick)
      assert.is_true(math.abs(#datagrams - parts) <= 1, #datagrams)
    end
  end)

  it("is told as what has changed since any tick that is remembered", function()
    local world, known = World.new(50), {}
    for tick = 1, 3 * World.HISTORY do
      world:advance()
      known[tick] = learn(world:update(0), {})
      for _, base in ipairs { tick - 1, tick - 7, tick - World.HISTORY + 1 } do
        if base > 0 then
          local state, _, from = learn(world:update(base), known)
          assert.equal(base, from)
          assert.same(known[tick], state)
        end
      end
    end
    assert.is_not.same(known[1], known[#known])
  end)

  it("is told whole to who knows what nobody remembers", function()
    local world = World.new(300)
    for _ = 1, World.HISTORY + 5 do world:advance() end
    for _, base in ipairs { 5, 1, -1, world.tick + 1 } do
      assert.same(world:update(0), world:update(base))
    end
    assert.is_true(#world:update(world.tick - 1)[1] < #world:update(0)[1])
  end)
end)
