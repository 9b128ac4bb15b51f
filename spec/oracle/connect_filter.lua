-- A connected socket hears its peer alone.
local o = require "spec.oracle.log"

o.bound("r", "udp4", function(r, port)
  o.bound("other", "udp4", function(other)
    local a = o.socket("a", "udp4")
    a:connect(port, "127.0.0.1", function()
      local mine = a:address().port
      other:send("unheard", mine, "127.0.0.1", function()
        r:send("heard", mine, "127.0.0.1")
      end)
    end)
    a:on("message", function() r:close() a:close() other:close() end)
  end)
end)

o.run()
