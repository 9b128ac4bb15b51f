-- Descriptors that are no udp socket (1: a pipe, 4: tcp), or taken (3).
local o = require "spec.oracle.log"

for _, fd in ipairs { 1, 4 } do
  o.attempt("fd " .. fd, function()
    return o.bare("x", "udp4"):bind { fd = fd }
  end)
end
local a = o.socket("a", "udp4")
a:bind({ fd = 3 }, function()
  local b = o.socket("b", "udp4")
  o.attempt("taken", function() return b:bind { fd = 3 } end)
  a:close()
end)

o.run()
