-- A block list that is none is refused.
local o = require "spec.oracle.log"

for _, option in ipairs { "receiveBlockList", "sendBlockList" } do
  for _, value in ipairs { 5, "x", true, {} } do
    o.attempt(option .. " " .. o.show(value), function()
      return o.dgram.createSocket { type = "udp4", [option] = value }
    end)
  end
end
o.attempt("order", function()
  return o.dgram.createSocket { type = "no", lookup = 5, sendBlockList = 5,
    receiveBlockList = "x" }
end)
o.attempt("order", function()
  return o.dgram.createSocket { type = "no", lookup = 5, sendBlockList = 5,
    sendBufferSize = "x" }
end)
o.attempt("order", function()
  return o.dgram.createSocket { type = "no", lookup = 5, sendBlockList = 5,
    signal = 5 }
end)

o.run()
