-- SPDX-License-Identifier: MIT
-- What is due when: a heap of entries, the earliest on top, so that a loop needs
-- one timer however many wait. An entry is a table; `due` (milliseconds of
-- core.now), `serial` and `place` are its fields here.

local compat = require "dgram.compat"
local core = require "dgram.core"

local LONGEST = 2 ^ 31 - 1 -- milliseconds

compat.interpret(true, true) -- a finalizer may come to the same

local Timers = {}
Timers.__index = Timers

local serial = 0

-- A finalizer may come at any call, for the stack may have to grow, and add or take
-- others: as long as the heap is not whole, nothing is called. Of entries that are due
-- at the same time the one comes first that was added first.

--- Adds an entry, or moves it; none where there is no memory for it.
function Timers:add(entry, due)
  while self:remove(entry) do end -- a finalizer may have added it meanwhile
  serial = serial + 1
  entry.due, entry.serial, entry.place = due, serial, false
  local place = #self + 1
  self[place] = entry
  while place > 1 do
    local above = (place - place % 2) / 2
    local parent = self[above]
    if parent.due <= due then break end
    self[place], parent.place, place = parent, place, above
  end
  self[place], entry.place = entry, place
end

--- Removes an entry; returns whether it was there. Those above it move down, and the
-- last takes the place of the first, or that of a child for as long as that is due
-- before it.
function Timers:remove(entry)
  local place, last = entry.place, self[#self]
  if not place then return false end
  self[#self], entry.place = nil, false
  if last == entry then return true end
  while place > 1 do
    local above = (place - place % 2) / 2
    self[place], self[above].place, place = self[above], place, above
  end
  while true do
    local child, right = self[2 * place], self[2 * place + 1]
    if right and (right.due < child.due
      or right.due == child.due and right.serial < child.serial) then
      child = right
    end
    if not child or last.due < child.due
      or last.due == child.due and last.serial < child.serial then
      break
    end
    self[place], child.place, place = child, place, child.place
  end
  self[place], last.place = last, place
  return true
end

--- Takes the entry out that was due before a time, the first; nil if none was.
function Timers:take(time)
  local first = self[1]
  while first and first.due < time do
    if self:remove(first) then return first end
    first = self[1]
  end
end

--- Returns how many whole milliseconds, 2^31 - 1 at most, there are until an entry is
-- due; -1: there is none.
function Timers:left()
  local first = self[1]
  if not first then return -1 end
  return math.min(math.max(math.ceil(first.due - core.now()), 0), LONGEST)
end

--- Makes an empty heap: its first element is the entry that is due first.
return function() return setmetatable({}, Timers) end
