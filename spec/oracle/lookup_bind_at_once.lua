-- The same: when 'listening' comes.
-- differs: `'listening'` never comes from inside `bind`
-- at the start
--   Node: a listening
-- after: after bind
--   ours: a listening
local o = require "spec.oracle.log"

local function lookup(_, _, callback) callback(nil, "127.0.0.1", 4) end
local a = o.socket("a", { type = "udp4", lookup = lookup })
a:bind(0, "h", function() a:close() end)
o.log("after bind")

o.run()
