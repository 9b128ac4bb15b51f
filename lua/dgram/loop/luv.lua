-- SPDX-License-Identifier: MIT
-- The luv adapter: the one file that knows luv. It hands the core's closures
-- straight to luv. The hooks an adapter has, and what they owe:
--
--   poll(fd, callback)  a handle that calls callback(err, events) when fd is
--                       ready or has an error: start(readable, writable),
--                       stop(), close(), ref(), unref(). Returns nil, code
--                       when it cannot be made. With events "w" fd is writable
--                       and nothing else, so nothing is read; with any other,
--                       or none, it is.
--   idle(callback)      a handle that calls back before the loop blocks, and
--                       keeps it from blocking: start(), stop()
--   timer(callback)     a handle that calls back once: start(milliseconds),
--                       stop() and, if others can close it, lost(): they did
--   lookup(host, family, callback)
--                       callback(nil, address) or callback(code, errno), later
--   traceback(err, thread)
--                       message handler for errors that end in the loop, or nil;
--                       thread: the coroutine that raised, if another one
--   run(), stop()       for dgram.run: run until nothing is left; end that
--   running(), suspend(wait), resume(wait), waits(wait), spawn(fn, ...)
--                       nil, unless the host has coroutines of its own

local core = require "dgram.core"

local M = {}

local luv

-- Loads luv when the first socket is made, on a thread that stays: luv runs
-- its callbacks on the thread that loaded it, and a dead one is a crash.
local function load_luv()
  if luv then return luv end
  luv = package.loaded.luv or (vim and (vim.uv or vim.loop)) -- luacheck: ignore
  if luv then return luv end
  local thread = coroutine.create(function() return require "luv" end)
  core.anchor(thread)
  local ok, result = coroutine.resume(thread)
  if not ok then error(result, 0) end
  luv = result
  return luv
end

-- Turns an error into text, which luv can print, and adds where it came from.
local function traceback(err, thread)
  local text = type(err) == "string" and err or tostring(err)
  if thread then return debug.traceback(thread, text) end
  return debug.traceback(text, 2)
end

-- Protects a callback so that luv sees text and nothing else.
local function guard(callback)
  return function(a, b)
    local ok, err = xpcall(function() callback(a, b) end, traceback)
    if not ok then error(err, 0) end
  end
end

-- The script may have closed any handle (uv.walk): then there is nothing left
-- to start or stop, and the handles that all sockets share are made anew.
local Poll = {}
Poll.__index = Poll

--- Watches for errors, and for datagrams and writability as asked.
function Poll:start(readable, writable)
  local events = (readable and "r" or "") .. (writable and "w" or "") .. "p"
  if self.handle:is_closing() then return end
  self.handle:start(events, self.callback)
end

for _, name in ipairs { "stop", "close", "ref", "unref" } do
  Poll[name] = function(self)
    if not self.handle:is_closing() then self.handle[name](self.handle) end
  end
end

-- A handle that all sockets share.
local Shared = {}
Shared.__index = Shared

--- Starts it; the arguments before the callback depend on its kind.
function Shared:start(first, second)
  if self.handle:is_closing() then self.handle = self.make() end
  if first == nil then return self.handle:start(self.callback) end
  self.handle:start(first, second or 0, self.callback)
end

--- Tells whether the script closed it: then it will not call back.
function Shared:lost() return self.handle:is_closing() end

function Shared:stop()
  if not self.handle:is_closing() then self.handle:stop() end
end

-- Makes a handle that all sockets share.
local function shared(make, callback)
  local handle = { handle = make(), make = make, callback = callback }
  return setmetatable(handle, Shared)
end

-- Makes the adapter for luv's own loop.
local function new_adapter()
  local uv = load_luv()
  local adapter = { traceback = traceback }

  function adapter.poll(fd, callback)
    local handle, _, code = uv.new_poll(fd)
    if not handle then return nil, code end
    return setmetatable({ handle = handle, callback = callback }, Poll)
  end

  function adapter.idle(callback) return shared(uv.new_idle, callback) end

  function adapter.timer(callback) return shared(uv.new_timer, callback) end

  function adapter.lookup(host, family, callback)
    local hints = {
      family = family == 6 and "inet6" or "inet",
      socktype = "dgram",
    }
    local done = guard(function(err, list)
      local first = not err and list[1]
      if first then return callback(nil, first.addr) end
      callback(err or "EAI_NONAME")
    end)
    local request, err, code = uv.getaddrinfo(host, nil, hints, done)
    if not request then
      adapter.soon(function() callback(code or err) end)
    end
  end

  -- For a host that turns the loop itself: one turn, what to poll for how many
  -- milliseconds between turns, and a function that ends this wait.
  function adapter.run(mode) return uv.run(mode) end
  function adapter.stop() uv.stop() end
  function adapter.descriptor() return uv.backend_fd() end
  function adapter.patience() return uv.backend_timeout() end
  function adapter.waker()
    local async = uv.new_async(function() end) -- keeps the loop alive
    return function() async:send() end
  end

  return adapter
end

local adapter

-- Loads nginx's driver, which takes M.luv's place.
local function leave_to_nginx()
  require "dgram.nginx"
  return M.luv()
end

--- Returns the adapter for luv's own loop.
function M.luv()
  local nginx = ngx and ngx.get_phase -- luacheck: ignore
  if nginx and not package.loaded["dgram.nginx"] then
    return leave_to_nginx()
  end
  adapter = adapter or new_adapter()
  return adapter
end

return M
