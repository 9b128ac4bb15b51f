-- Prints how many microseconds `require "dgram"` takes when luv is loaded.
local uv = require "luv"

local begin = uv.hrtime()
require "dgram"
print(("micros=%.1f"):format((uv.hrtime() - begin) / 1000))
