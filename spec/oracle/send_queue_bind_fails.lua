-- Sends that wait for a bind that fails.
-- differs: Every callback comes, exactly once
-- after: a error Error EADDRINUSE "bind EADDRINUSE 127.0.0.1:<r>" syscall=bind
--     errno=-98 address=127.0.0.1 port=<r>
--   ours: one Error EADDRINUSE "bind EADDRINUSE 127.0.0.1:<r>" syscall=bind
--     errno=-98 address=127.0.0.1 port=<r>
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  a:bind(port, "127.0.0.1")
  a:send("one", port, o.done("one"))
  a:send("two", port)
  a:on("error", function()
    a:send("again", port, o.done("again"))
  end)
  r:on("message", function() a:close() r:close() end)
end)

o.run()
