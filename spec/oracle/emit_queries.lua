-- listeners, rawListeners, listenerCount and eventNames.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4", function() end)
local function fn() end
local function same(list)
  local answers = {}
  for i, each in ipairs(list) do answers[i] = each == fn end
  return answers
end
a:on("x", fn):once("x", fn):on("y", fn)
local names = a:eventNames()
table.sort(names)
o.log("names", names)
o.log("listeners", same(a:listeners("x")))
o.log("raw", same(a:rawListeners("x")))
o.log("wrapped", o.wrapped(a:rawListeners("x")[2]) == fn)
o.log("counts", a:listenerCount("x"), a:listenerCount("none"))
table.remove(a:listeners("x"))
o.log("a copy", a:listenerCount("x"), #a:listeners("none"))
o.log("of a listener", a:listenerCount("x", fn))
o.log("of another", a:listenerCount("x", function() end))

o.run()
