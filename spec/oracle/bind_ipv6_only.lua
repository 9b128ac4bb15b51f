-- Dual stack takes the port of udp4 too; with ipv6Only it does not.
local o = require "spec.oracle.log"

local function share(only, next_one)
  local six = o.socket("six", { type = "udp6", ipv6Only = only })
  six:bind(0, function()
    local four = o.socket("four", "udp4")
    local function done()
      six:close()
      four:close()
      if next_one then next_one() end
    end
    four:on("error", done):bind(six:address().port, done)
  end)
end
share(true, function() share(false) end)

o.run()
