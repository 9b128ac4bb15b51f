-- What a callback gets with an error.
-- differs: A callback gets the length with an error too
-- 2< refused 'EMSGSIZE' nil
-- 3> refused 'EMSGSIZE' 65508
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  a:send(("x"):rep(65508), port, function(err, bytes)
    o.log("refused", err.code, bytes)
    a:close()
  end)
end)

o.run()
