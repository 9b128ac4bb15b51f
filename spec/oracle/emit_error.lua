-- 'error' without a listener raises what it was given.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:bind(0, "203.0.113.1")
a:once("error", function(err)
  o.log("heard", err)
  o.attempt("emit", function() return a:emit("error", err) end)
  a:on("error", function() o.log("again") end)
  o.attempt("emit", function() return a:emit("error", err) end)
end)

o.run()
