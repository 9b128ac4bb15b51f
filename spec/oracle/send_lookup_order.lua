-- Two names: asked in the order of the sends, sent in the answers'.
local o = require "spec.oracle.log"

local a = o.bare("a", { type = "udp4",
  lookup = o.lookup { one = "127.0.0.1", two = "127.0.0.1" } })
a:bind(0, "one", function()
  local got = {}
  a:on("message", function(msg)
    got[#got + 1] = msg
    if #got == 2 then o.log("messages", got) a:close() end
  end)
  a:send("1", a:address().port, "one", o.done("one"))
  a:send("2", a:address().port, "two", o.done("two"))
end)

o.run()
