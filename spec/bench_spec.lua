-- The programs of the benchmark that are more than a loop of system calls.
local Child = require "spec.support.child"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local traffic = require "spec.support.traffic"

describe("bench/c/load", function()
  it("goes on when more answers come at once than one call sends", function()
    if not host.has("cc") then pending("no C compiler (cc)") end
    local text, good = host.output("env -u MAKEFLAGS -u MAKELEVEL make -s build/bench/load")
    assert(good, text)
    helper.run(function()
      local server, heard, to = traffic.receiver()
      local answers = {}
      server:once("message", function(msg, rinfo)
        for i = 1, 200 do answers[i] = msg end
        server:sendMany(answers, rinfo.port, rinfo.address)
      end)
      local load = Child.start("build/bench/load", "ports=" .. to.port, "warmup=0", "time=.1")
      helper.wait(function() return #heard > 200 end)
      assert.truthy(load:line("^messages=(%d+) "))
      assert.equal(0, load:wait())
      server:close()
    end, 20)
  end)
end)
