-- Busted's plain report, closed by the lines that spec/total adds up; an error
-- counts as failed. `.busted` selects this file as the output handler.

-- Why a spec is pending, without the place, which the report names.
local function reason_of(pending)
  local text = tostring(pending.message or pending.name):match("[^\n]*")
  return (text:gsub("^[^%s:]+:%d+: ", ""))
end

-- Prints how many are pending for each reason, then how many in all.
local function print_pendings(pendings)
  local counts, reasons = {}, {}
  for _, each in ipairs(pendings) do
    local reason = reason_of(each)
    if not counts[reason] then reasons[#reasons + 1] = reason end
    counts[reason] = (counts[reason] or 0) + 1
  end
  for _, reason in ipairs(reasons) do
    print(("%d pending: %s"):format(counts[reason], reason))
  end
  if #pendings > 0 then print(("%d pending"):format(#pendings)) end
end

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.plainTerminal"(options)

  busted.subscribe({ "exit" }, function()
    local failed = handler.failuresCount + handler.errorsCount
    print ""
    print_pendings(handler.pendings)
    print(("%d passed, %d failed"):format(handler.successesCount, failed))
  end)

  return handler
end
