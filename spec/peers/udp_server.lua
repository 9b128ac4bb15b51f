-- examples/udp_server.lua hears socat.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"

describe("udp_server.lua", function()
  local network, server, client

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  it("hears socat", function()
    peers.need(pending, "socat")
    helper.run(function()
      local program = peers.example(server, "udp_server.lua", "41234")
      program:line("^server listening at 41234$")
      peers.output(client, "echo hello | socat - UDP4:10.0.0.1:41234")
      assert.equal("server got: hello", program:line())
      program:stop()
    end, 30)
  end)
end)
