-- Slices outside of the message, and the order of the checks.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  for _, slice in ipairs { { 4, 0 }, { 0, 4 }, { 2, 2 }, { -1, 1 }, { 0, -1 } }
  do
    o.call(a, "send", "abc", slice[1], slice[2], port, "127.0.0.1")
  end
  o.call(a, "send", "abc", 4, 4, 0, "127.0.0.1")
  o.call(a, "send", "abc", 0, 3, 0, 5)
  o.call(a, "send", "abc", 0, 3, port, 5)
  a:close()
  o.call(a, "send", "abc", 4, 0, port)
  o.call(a, "send", "abc", 0, 3, -1, "127.0.0.1")
  o.call(a, "send", "abc", 0, 3, port, 5)
  o.call(a, "send", "abc", 0, 3, port)
end)

o.run()
