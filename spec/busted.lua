-- Runs busted under the interpreter that runs this file; `.busted` has the options.
--   lua5.4 spec/busted.lua [--filter="what it says"] [spec/send_spec.lua]
require "busted.runner" ({ standalone = false })
