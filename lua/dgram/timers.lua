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

-- Tells whether one entry is due before another; of equals the one added first.
local function before(a, b)
  if a.due == b.due then return a.serial < b.serial end
  return a.due < b.due
end

-- Puts an entry into a place.
local function put(heap, place, entry)
  heap[place], entry.place = entry, place
end

-- Moves the entry of a place up until its parent is due before it.
local function rise(heap, place)
  local entry = heap[place]
  while place > 1 do
    local parent = math.floor(place / 2)
    if before(heap[parent], entry) then break end
    put(heap, place, heap[parent])
    place = parent
  end
  put(heap, place, entry)
end

-- Returns the child of a place that is due first, nil if there is none.
local function first_child(heap, place)
  local left, right = heap[2 * place], heap[2 * place + 1]
  if right and before(right, left) then return right end
  return left
end

-- Moves the entry of a place down until it is due before its children.
local function sink(heap, place)
  local entry, child = heap[place], first_child(heap, place)
  while child and before(child, entry) do
    local next_place = child.place
    put(heap, place, child)
    place = next_place
    child = first_child(heap, place)
  end
  put(heap, place, entry)
end

--- Adds an entry, or moves it; none where there is no memory for it.
function Timers:add(entry, due)
  self:remove(entry)
  serial = serial + 1
  entry.due, entry.serial, entry.place = due, serial, false
  self[#self + 1] = entry
  rise(self, #self)
end

--- Removes an entry, if it is there.
function Timers:remove(entry)
  local place, last = entry.place, self[#self]
  if not place then return end
  self[#self], entry.place = nil, false
  if last == entry then return end
  put(self, place, last)
  rise(self, place)
  sink(self, last.place)
end

--- Takes the entry out that was due before a time, the first; nil if none was.
function Timers:take(time)
  local first = self[1]
  if not first or first.due >= time then return nil end
  self:remove(first)
  return first
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
