-- ref takes unref back.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:unref()
a:bind(0, function()
  a:ref():ref()
  o.after(20, function() o.log("still alive") a:close() end):unref()
end)

o.run()
