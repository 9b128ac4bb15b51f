-- Two sockets with reuseAddr share a port, without it they do not.
local o = require "spec.oracle.log"

local options = { type = "udp4", reuseAddr = true }
local a = o.socket("a", options)
a:bind(0, "127.0.0.1", function()
  local port = a:address().port
  local b = o.socket("b", options)
  b:bind(port, "127.0.0.1", function()
    local c = o.socket("c", "udp4")
    c:on("error", function() a:close() b:close() c:close() end)
    c:bind(port, "127.0.0.1")
  end)
end)

o.run()
