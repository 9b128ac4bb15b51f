-- The largest datagram goes, one byte more is EMSGSIZE.
-- needs: IPv6
local o = require "spec.oracle.log"

local limits = { udp4 = 65507, udp6 = 65527 }
local hosts = { udp4 = "127.0.0.1", udp6 = "::1" }
o.both(function(kind, next_one)
  o.bound(kind, kind, function(a, port)
    a:on("message", function() a:close(next_one) end)
    a:send(("x"):rep(limits[kind] + 1), port, hosts[kind], function(err)
      o.log("one more", err)
      o.unordered(2)
      a:send(("x"):rep(limits[kind]), port, hosts[kind], o.done("sent"))
    end)
  end)
end)

o.run()
