-- SPDX-License-Identifier: MIT
-- The adapter for luv, the one file that knows luv: it hands the core's closures
-- straight to luv. docs/embedding.md says what its hooks owe.

local core = require "dgram.core"

-- Loads luv when the first socket is made, on a thread that stays: luv runs
-- its callbacks on the thread that loaded it, and a dead one is a crash.
local function load_luv()
  local loaded = package.loaded.luv or vim and (vim.uv or vim.loop) -- luacheck: ignore
  if loaded then return loaded end
  local thread = coroutine.create(function() return require "luv" end)
  core.anchor(thread)
  return select(2, assert(coroutine.resume(thread)))
end

-- Turns an error into text, which luv can print, and adds where it came from.
local function traceback(err, thread)
  local text = type(err) == "string" and err or tostring(err)
  return thread and debug.traceback(thread, text) or debug.traceback(text, 2)
end

-- What watches a descriptor, as long as the script has not closed it (uv.walk).
local Poll = {}
Poll.__index = Poll

--- Watches for errors, and for datagrams and writability as asked.
function Poll:start(readable, writable)
  local events = (readable and "r" or "") .. (writable and "w" or "") .. "p"
  if not self.handle:is_closing() then self.handle:start(events, self.callback) end
end

for _, name in ipairs { "stop", "close", "ref", "unref" } do
  Poll[name] = function(self)
    if not self.handle:is_closing() then self.handle[name](self.handle) end
  end
end

-- Makes an idle handle or a timer, anew when the script has closed it. Each batch that
-- is answered starts and stops one: its methods are looked up once.
local function share(make, callback)
  local handle = make()
  local start, stop, is_closing = handle.start, handle.stop, handle.is_closing
  local self = {}
  function self.start(_, milliseconds)
    if is_closing(handle) then handle = make() end
    if milliseconds then return start(handle, milliseconds, 0, callback) end
    start(handle, callback)
  end
  function self.stop() if not is_closing(handle) then stop(handle) end end
  function self.lost() return is_closing(handle) end -- it will not call back
  return self
end

-- Makes the adapter for luv's own loop.
local function new_adapter()
  local uv = load_luv()
  local adapter = { traceback = traceback, run = uv.run, stop = uv.stop,
    descriptor = uv.backend_fd, patience = uv.backend_timeout }

  function adapter.poll(fd, callback)
    local handle, _, code = uv.new_poll(fd)
    if not handle then return nil, code end
    return setmetatable({ handle = handle, callback = callback }, Poll)
  end

  function adapter.idle(callback) return share(uv.new_idle, callback) end
  function adapter.timer(callback) return share(uv.new_timer, callback) end

  function adapter.lookup(host, family, callback)
    local hints = { family = family == 6 and "inet6" or "inet", socktype = "dgram" }
    local function answer(err, list)
      local first = not err and list[1]
      if first then callback(nil, first.addr) else callback(err or "EAI_NONAME") end
    end
    local request, err, code = uv.getaddrinfo(host, nil, hints, answer)
    if not request then adapter.soon(function() callback(code or err) end) end
  end

  function adapter.waker() -- what it returns ends a wait for descriptor()
    local async = uv.new_async(function() end) -- keeps the loop alive
    return function() async:send() end
  end

  return adapter
end

local M, adapter = {}, nil

--- Returns the adapter for luv's own loop; dgram.nginx takes this function's place.
function M.luv()
  if ngx and ngx.get_phase and not package.loaded["dgram.nginx"] then -- luacheck: ignore
    require "dgram.nginx"
    return M.luv()
  end
  adapter = adapter or new_adapter()
  return adapter
end

return M
