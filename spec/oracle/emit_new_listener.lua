-- newListener comes before, removeListener after the change.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local function fn() o.log("called") end
for _, event in ipairs { "newListener", "removeListener" } do
  a:on(event, function(name, listener)
    o.log(event, name, listener == fn, a:listenerCount(name))
  end)
end
a:on("x", fn):prependListener("x", fn):once("y", fn)
a:emit("y")
a:off("x", fn):off("x", fn):off("nothing", fn)

o.run()
