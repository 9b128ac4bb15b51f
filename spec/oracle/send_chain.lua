-- A callback that sends again; the messages keep their order.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
local got, count = {}, 0
local function send()
  a:send("number " .. count, a:address().port, function(err, bytes)
    o.log("sent", err, bytes)
    count = count + 1
    if count < 5 then return send() end
    o.after(20, function() o.log("messages", got) a:close() end)
  end)
end
a:on("message", function(msg) got[#got + 1] = msg end)
a:bind(0, send)

o.run()
