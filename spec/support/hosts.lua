-- The loops that have an adapter, each as a function that makes
--   { adapter =,
--     step = function(milliseconds),  a turn that waits so long at most (-1: without
--                                     end), and raises what callbacks raised, if
--                                     the loop lets it out
--     run = function(),               runs until nothing is left; nil: it never ends
--     unref = true,                   it knows handles that do not keep it going
--     nests = true,                   it runs within itself
--     wrap = function(fn),            runs fn in a coroutine of the host's own
--     pause = function(seconds),      suspends such a coroutine in the host's way
--     protect = function(callback) }  what the specs that do not know the loop need
--                                     around each callback, if anything
local inside = require "spec.support.inside"

local hosts = {}

local luv_limit -- of a turn; one, for luv may crash where a closed one is left

function hosts.luv()
  local uv = require "luv"
  luv_limit = luv_limit or uv.new_timer()
  local limit = luv_limit
  return { adapter = inside.luv_adapter(), unref = true, run = uv.run,
    step = function(milliseconds)
      uv.update_time()
      if milliseconds > 0 then limit:start(milliseconds, 0, function() end) end
      uv.run(milliseconds == 0 and "nowait" or "once")
      limit:stop()
    end }
end

function hosts.poll()
  local loop = inside.poll_loop.new()
  local limit = loop.timer(function() end)
  return { adapter = loop, unref = true, nests = true, run = loop.run,
    step = function(milliseconds)
      if milliseconds > 0 then limit:start(milliseconds) end
      local ok, err = pcall(loop.run, milliseconds == 0 and "nowait" or "once")
      limit:stop()
      if not ok then error(err, 0) end
    end }
end

function hosts.cqueues()
  local controller = require("cqueues").new()
  return { adapter = require("dgram.loop.cqueues").new(controller),
    wrap = function(fn) controller:wrap(fn) end,
    pause = require("cqueues").sleep,
    run = function() assert(controller:loop()) end,
    step = function(milliseconds)
      local ok, err = controller:step(milliseconds >= 0 and milliseconds / 1000 or nil)
      if not ok then error(err, 0) end
    end }
end

-- libevent's loop has no single turns: it is asked to end after what called back.
function hosts.event()
  local base = require("luaevent.core").new()
  local loop, ending = require("dgram.loop.event").new(base), false
  local function finish()
    if not ending then base:loopexit(0) end
    ending = true
  end
  local limit = loop.timer(finish)
  return { adapter = loop, run = function() base:loop() end,
    protect = function(callback)
      return function(...)
        finish()
        callback(...)
      end
    end,
    step = function(milliseconds)
      ending = false
      if milliseconds >= 0 then limit:start(milliseconds) end
      local ok, err = pcall(base.loop, base)
      limit:stop()
      if not ok then error(err, 0) end
    end }
end

-- Copas prints errors and goes on: they are kept from it, and raised by the step. A
-- step works before it waits, and may have done all there was: it waits 10 ms at most.
function hosts.copas()
  local copas = require "copas"
  local failed, failure = false, nil
  return { adapter = require("dgram.loop.copas").new(),
    wrap = function(fn) copas.addthread(function() fn() end) end,
    pause = copas.sleep or function() end, -- Debian's has none
    run = copas.finished and copas.loop,
    protect = function(callback)
      return function(...)
        local ok, err = pcall(callback, ...)
        if not ok and not failed then failed, failure = true, err end
      end
    end,
    step = function(milliseconds)
      copas.step((milliseconds < 0 and 10 or math.min(milliseconds, 10)) / 1000)
      local raised = failed
      failed = false
      if raised then error(failure, 0) end
    end }
end

return hosts
