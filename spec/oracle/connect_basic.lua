-- connect(port, callback): events, remoteAddress, every send.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  local a = o.socket("a", "udp4")
  o.messages(r, 5, function() r:close() a:close() end)
  o.call(a, "connect", port, function()
    o.call(a, "remoteAddress")
    a:send("one", o.done("one"))
    a:send("two")
    a:send("three", 1, 3, o.done("slice"))
    a:send("four", 0, 4)
    a:send({ "f", "ive" }, o.done("array"))
  end)
  o.log("after connect")
end)

o.run()
