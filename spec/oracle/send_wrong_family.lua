-- A literal address of the other family.
-- needs: IPv6
local o = require "spec.oracle.log"

local others = { udp4 = "::1", udp6 = "127.0.0.1" }
o.both(function(kind, next_one)
  o.bound(kind, kind, function(a)
    a:send("x", 9, others[kind], function(err)
      o.log("sent", err)
      a:close(next_one)
    end)
  end)
end)

o.run()
