-- What a callback gets with an error.
-- differs: A callback gets the length with an error too
-- after: a listening
--   Node: refused 'EMSGSIZE' nil
--   ours: refused 'EMSGSIZE' 65508
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  a:send(("x"):rep(65508), port, function(err, bytes)
    o.log("refused", err.code, bytes)
    a:close()
  end)
end)

o.run()
