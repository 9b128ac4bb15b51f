-- The helper of the specs: a wait that has what it waits for must end.
local helper = require "spec.support.helper"
local uv = require "luv"

describe("helper.wait", function()
  it("ends when a timer that was due was all that was to come", function()
    helper.run(function()
      local timer, done = uv.new_timer(), false
      timer:start(0, 0, function() done = true end)
      helper.wait(function() return done end)
      timer:close()
    end)
  end)

  it("gives the time it was told, however long ago the last turn was", function()
    helper.run(function()
      local timer, done = uv.new_timer(), false
      uv.sleep(100)
      timer:start(0, 0, function() done = true end)
      helper.wait(function() return done end, 0.1)
      timer:close()
    end)
  end)
end)
