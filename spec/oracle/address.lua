-- address(): right after bind, when listening, closed.
-- differs: A bind to a literal address takes effect at once
-- at the start
--   Node: address() throws Error EBADF "getsockname EBADF" syscall=getsockname
--     errno=-9
--   ours: address() -> {address: '127.0.0.1', family: 'IPv4', port: <a>}
local o = require "spec.oracle.log"

local a = o.socket("a", "udp4")
a:bind(0, "127.0.0.1")
o.call(a, "address")
a:on("listening", function()
  o.call(a, "address")
  a:close()
  o.call(a, "address")
end)

o.run()
