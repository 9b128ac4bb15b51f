-- reusePort lets two sockets bind one port, if both have it.
local o = require "spec.oracle.log"

local function make(name, reuse)
  return o.socket(name, { type = "udp4", reusePort = reuse })
end
local a, b, c = make("a", true), make("b", true), make("c", false)
local port = a:bindSync({ address = "127.0.0.1" }).port
c:on("error", function()
  for _, each in ipairs { a, b, c } do each:close() end
end)
b:on("listening", function()
  o.log("one port", b:address().port == port)
  c:bind(port, "127.0.0.1")
end)
b:bind(port, "127.0.0.1")

o.run()
