-- SPDX-License-Identifier: MIT
-- The descriptors that a loop of our own waits for: their handles, as an adapter's
-- are. The system's watcher (epoll) has them, in which idle ones cost nothing; what
-- that refuses is polled, which is all where there is none.

local compat = require "dgram.compat"
local core = require "dgram.core"
local errors = require "dgram.errors"

local READABLE, WRITABLE, INVALID = 1, 2, 4
local SPELLED = { "r", "w", "rw" }

compat.interpret(true, true) -- a finalizer may come to the same

-- The handle of a descriptor. Fields: selector, fd, callback; events: what it is
-- watched for; unreferenced: it does not keep the loop going.
local Handle = {}
Handle.__index = Handle

-- Counts it, if it is watched and keeps the loop going.
local function count(self, by)
  if not self.events or self.unreferenced then return end
  self.selector.referenced = self.selector.referenced + by
end

-- Watches for events; nil: for none.
local function watch(self, events)
  if self.events == events then return end
  local selector, fd = self.selector, self.fd
  local refused = not selector.watcher:watch(fd, events)
  selector.polled[fd] = refused and events or nil
  count(self, -1)
  self.events = events
  count(self, 1)
  selector.changed()
end

--- Watches for errors, and for datagrams and writability as asked.
function Handle:start(readable, writable)
  watch(self, (readable and READABLE or 0) + (writable and WRITABLE or 0))
end

function Handle:stop() watch(self, nil) end

-- Chooses whether it keeps the loop going.
local function reference(self, unreferenced)
  count(self, -1)
  self.unreferenced = unreferenced
  count(self, 1)
end

function Handle:ref() reference(self, nil) end

function Handle:unref() reference(self, true) end

--- Stops for good; the descriptor may have another handle then. With the last
-- handle goes the watcher's descriptor, unless that is to stay.
function Handle:close()
  local selector = self.selector
  if selector.handles[self.fd] ~= self then return end
  self:stop()
  selector.handles[self.fd] = nil
  if not (next(selector.handles) or selector.stays) then selector.watcher:close() end
end

local Selector = {}
Selector.__index = Selector

--- Makes the handle of a descriptor; nil and a code if it has one.
function Selector:handle(fd, callback)
  if self.handles[fd] then return nil, "EEXIST" end
  local handle = { selector = self, fd = fd, callback = callback }
  self.handles[fd] = setmetatable(handle, Handle)
  return handle
end

--- Waits so many milliseconds, or what a function says, then calls the handles
-- that are ready. Raises poll(2)'s errors.
function Selector:wait(patience)
  local ready, errno = core.poll(self.polled, patience, self.watcher)
  if not ready then errors.raise(errors.system("poll", errno)) end
  for i = 1, #ready, 2 do
    local handle, events = self.handles[ready[i]], ready[i + 1]
    if handle and handle.events and events == INVALID then
      handle:stop()
      handle.callback("EBADF")
    elseif handle and handle.events then
      handle.callback(nil, SPELLED[events])
    end
  end
end

--- Returns a descriptor that is readable while any is ready; nil: there is none.
function Selector:descriptor()
  return next(self.polled) == nil and self.watcher:fileno() or nil
end

--- Makes one that watches nothing.
-- @tparam function changed called when a handle was started or stopped
-- @tparam boolean stays a host waits for the descriptor, also while it watches nothing
-- @return the selector; its field `referenced` counts what keeps the loop going
return function(changed, stays)
  return setmetatable({ handles = {}, polled = {}, watcher = core.watcher(),
    referenced = 0, changed = changed, stays = stays }, Selector)
end
