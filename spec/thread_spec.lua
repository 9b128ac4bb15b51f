-- The module in the Lua states of luv's own threads.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local uv = require "luv"

-- The function that a file returns, for another Lua state.
local function chunk(name)
  return dofile("spec/thread/" .. name .. ".lua")
end

describe("in a thread", function()
  it("uv.new_thread serves on a loop of its own", function()
    helper.run(function()
      local threads, socket, got = {}, dgram.createSocket("udp4"), {}
      socket:on("message", function(msg, rinfo)
        got[#got + 1] = msg
        if msg == "here" then socket:send("hello", rinfo.port, rinfo.address) end
      end)
      local port = socket:bindSync({ address = "127.0.0.1" }).port
      for i = 1, 4 do
        threads[i] = uv.new_thread(chunk "service", package.path,
          package.cpath, port)
      end
      helper.wait(function() return #got == 8 end)
      for _, thread in ipairs(threads) do thread:join() end
      table.sort(got)
      assert.are.equal("here", got[4])
      assert.are.equal("thread got hello", got[5])
      assert.are.equal("thread got hello", got[8])
      socket:close()
    end)
  end)

  -- Not in helper.run: luv keeps the states of its pool and their descriptors.
  for _, loop in ipairs { "luv", "poll_loop" } do
    it("uv.new_work runs jobs, each state with a loop of its own: " .. loop,
      function()
        local server, results = dgram.createSocket("udp4"), {}
        server:on("message", function(msg, rinfo)
          server:send("answer to " .. msg, rinfo.port, rinfo.address)
        end)
        local port = server:bindSync({ address = "127.0.0.1" }).port
        local work = uv.new_work(chunk "work", function(got)
          results[#results + 1] = got
        end)
        for i = 1, 8 do
          work:queue(package.path, package.cpath, port, loop, "job " .. i)
        end
        helper.wait(function() return #results == 8 end)
        server:close()
        table.sort(results)
        for i = 1, 8 do assert.are.equal("answer to job " .. i, results[i]) end
      end)
  end
end)
