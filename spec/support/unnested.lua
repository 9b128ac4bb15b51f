-- Makes luv refuse to run a loop within the loop, as luv 1.50 and later do. With
-- LOOP=unnested, spec/run does this for every spec and the scripts they start.
local uv = require "luv"

local run, running = uv.run, false

function uv.run(mode)
  if running then return nil, "loop already running" end
  running = true
  local alive = run(mode)
  running = false
  return alive
end
