-- newListener comes before, removeListener after the change.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local function fn() o.log("called") end
for _, event in ipairs { "newListener", "removeListener" } do
  a:on(event, function(name, listener)
    o.log(event, name, listener == fn, a:listenerCount("x"))
  end)
end
a:on("x", fn):once("x", fn):prependListener("y", fn)
a:emit("x")
a:off("x", fn):off("x", fn):off("nothing", fn)
a:removeAllListeners("y")

o.run()
