-- connect to a host name; localhost by the system's resolver.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local lookup = o.lookup { here = "127.0.0.1" }
  local a = o.socket("a", { type = "udp4", lookup = lookup })
  a:bind(0, "here", function()
    a:connect(port, "here", function()
      o.call(a, "remoteAddress")
      a:close()
    end)
  end)
  a:on("close", function()
    local b = o.socket("b", "udp4")
    b:connect(port, "localhost", function()
      o.call(b, "remoteAddress")
      b:close()
      r:close()
    end)
  end)
end)

o.run()
