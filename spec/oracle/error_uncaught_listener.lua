-- An error that a listener raises ends the process.
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:on("listening", function()
  error(setmetatable({}, { __tostring = function() return "Error: oops" end }))
end)
a:bind(0, "127.0.0.1")

o.run()
