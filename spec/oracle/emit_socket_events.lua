-- Listeners removed and added while real events are emitted.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  local function late() o.log("late") end
  a:once("message", function()
    o.log("once")
    a:off("message", late)
    a:on("message", function() o.log("new") a:close() end)
    a:send("two", port)
  end)
  a:on("message", late)
  a:once("close", function()
    a:once("close", function() o.log("never") end)
  end)
  a:send("one", port)
end)

o.run()
