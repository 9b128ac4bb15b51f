-- Datagrams nobody listens to are gone; later ones are heard.
local o = require "spec.oracle.log"

local a = o.bare("a", "udp4")
a:bind(0, "127.0.0.1", function()
  local port = a:address().port
  a:send("unheard", port, "127.0.0.1", function()
    o.after(20, function()
      a:on("message", function(msg) o.log("message", msg) a:close() end)
      a:send("heard", port)
    end)
  end)
end)

o.run()
