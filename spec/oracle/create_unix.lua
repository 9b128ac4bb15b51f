-- unix_dgram is a type of ours.
local o = require "spec.oracle.log"

o.attempt("unix", function() return o.bare("u", "unix_dgram") end)

o.run()
