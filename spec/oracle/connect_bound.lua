-- connect of a bound socket, with an address; udp4 and udp6.
-- needs: IPv6
local o = require "spec.oracle.log"

local hosts = { udp4 = "127.0.0.1", udp6 = "::1" }
o.both(function(kind, next_one)
  o.bound("r", kind, function(r, port)
    o.bound("a", kind, function(a)
      a:connect(port, hosts[kind], function(...)
        o.log("callback", select("#", ...), a:remoteAddress())
        a:send("", o.done("sent"))
      end)
      r:on("message", function() a:close() r:close(next_one) end)
    end)
  end)
end)

o.run()
