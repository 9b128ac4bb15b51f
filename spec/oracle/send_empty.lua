-- Zero-length datagrams are messages.
-- needs: IPv6
local o = require "spec.oracle.log"

o.both(function(kind, next_one)
  o.bound(kind, kind, function(a, port)
    o.messages(a, 2, function() a:close(next_one) end)
    a:send("", port, function(err, bytes)
      o.log("sent", err, bytes)
      a:send("", 0, 0, port)
    end)
  end)
end)

o.run()
