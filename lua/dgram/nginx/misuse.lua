-- SPDX-License-Identifier: MIT
-- What listeners must not do while the loop is turned raises an error that says
-- what to do instead; nginx alone would stop the worker's driver without a word.

local log = require "dgram.nginx.log"

local M = {}

-- Lets functions that yield raise while the loop is turned.
local function forbid_yields(is_turning, library, ...)
  for _, name in ipairs { ... } do
    local original = library[name]
    library[name] = original and function(...)
      if is_turning() then error(log.NO_YIELD .. name, 2) end
      return original(...)
    end
  end
end

-- Lets ngx.exit raise where it would end the driver or a handler.
local function forbid_exit(is_turning)
  local exit = ngx.exit
  function ngx.exit(...)
    if is_turning() or ngx.get_phase() == "timer" and ngx.ctx.dgram then
      error("ngx.exit would end a light thread of dgram.nginx: return", 2)
    end
    return exit(...)
  end
end

-- Gives listeners Lua's own coroutines: nginx's belong to a light thread, and
-- are resumed by nginx.
local function change_coroutines(is_turning)
  for _, name in ipairs { "create", "resume", "status", "wrap", "yield" } do
    local theirs, own = coroutine[name], coroutine["_" .. name]
    coroutine[name] = own and function(...)
      if is_turning() then return own(...) end
      return theirs(...)
    end or theirs
  end
end

--- Changes nginx's functions for good; is_turning() tells whether listeners run.
function M.forbid(is_turning)
  forbid_yields(is_turning, ngx, "sleep", "run_worker_thread")
  forbid_yields(is_turning, ngx.thread, "spawn", "wait")
  forbid_yields(is_turning, ngx.socket, "connect", "stream", "tcp")
  forbid_exit(is_turning)
  change_coroutines(is_turning)
end

return M
