-- rinfo of udp4 and udp6; a fresh table each time.
-- needs: IPv6
local o = require "spec.oracle.log"

o.both(function(kind, next_one)
  o.bound(kind, kind, function(a, port)
    local seen = {}
    a:on("message", function(_, rinfo)
      seen[#seen + 1] = rinfo
      rinfo.mine = #seen
      if #seen < 2 then return a:send("second", port) end
      o.log("fresh", seen[1] ~= seen[2])
      a:close(next_one)
    end)
    a:send("first", port)
  end)
end)

o.run()
