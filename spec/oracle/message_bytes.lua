-- Every byte value arrives as it was sent.
local o = require "spec.oracle.log"

o.bound("a", "udp4", function(a, port)
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  all = table.concat(all)
  a:on("message", function(msg) o.log("equal", msg == all) a:close() end)
  a:send(all, port, o.done("sent"))
end)

o.run()
