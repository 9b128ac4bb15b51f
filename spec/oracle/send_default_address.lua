-- Without an address a datagram goes to the own host.
-- needs: IPv6
local o = require "spec.oracle.log"

o.both(function(kind, next_one)
  o.bound(kind, kind, function(a, port)
    o.messages(a, 4, function() a:close(next_one) end)
    a:send("1", port, function()
      a:send("2", port, nil, function()
        a:send("3", port, "", function() a:send("4", port, nil) end)
      end)
    end)
  end)
end)

o.run()
