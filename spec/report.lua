-- Busted's plain report, closed by the line "N passed, N failed"; an error
-- counts as failed. `.busted` selects this file as the output handler.
return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.plainTerminal"(options)

  busted.subscribe({ "exit" }, function()
    local failed = handler.failuresCount + handler.errorsCount
    print(("\n%d passed, %d failed"):format(handler.successesCount, failed))
  end)

  return handler
end
