-- bindSync and connectSync resolve no names, and ask no `lookup`.
-- differs: `bindSync` and `connectSync` check arguments as `bind` does
-- at the start
--   Node: bindSync({address: 'localhost'}) throws TypeError
--     ERR_INVALID_ARG_VALUE "The property 'options.address' must be a numeric
--     IP address; bindSync does not perform DNS resolution. Received
--     'localhost'"
--   Node: connectSync(9, 'localhost') throws TypeError ERR_INVALID_ARG_VALUE
--     "The argument 'address' must be a numeric IP address; connectSync does
--     not perform DNS resolution. Received 'localhost'"
--   ours: bindSync({address: 'localhost'}) throws TypeError
--     ERR_INVALID_ARG_VALUE "The argument 'address' must be a numeric IP
--     address. Received 'localhost'"
--   ours: connectSync(9, 'localhost') throws TypeError ERR_INVALID_ARG_VALUE
--     "The argument 'address' must be a numeric IP address. Received
--     'localhost'"
local o = require "spec.oracle.log"

local a = o.socket("a", { type = "udp4", lookup = o.lookup {} })
o.call(a, "bindSync", { address = "localhost" })
o.call(a, "connectSync", 9, "localhost")
o.call(a, "connectSync", 9, "127.0.0.1")
o.call(a, "remoteAddress")
a:close()

o.run()
