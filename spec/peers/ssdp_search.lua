-- examples/ssdp_search.lua finds minidlna on two links.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"
local uv = require "luv"

local CONFIGURATION = [[
media_dir=DIR
db_dir=DIR
log_dir=DIR
minissdpdsocket=DIR/none.sock
port=8200
]]

describe("ssdp_search.lua", function()
  local network, host, one, two

  -- The one who searches is at two links, with a device at the end of each.
  before_each(function() network, host, one, two = peers.links() end)
  after_each(function() network:close() end)

  -- Starts minidlna on a host; returns when it listens.
  local function device(on)
    peers.need(pending, "minidlnad")
    local folder = helper.path()
    assert(uv.fs_mkdir(folder, 493))
    local conf = helper.write((CONFIGURATION:gsub("DIR", folder)))
    local child = peers.start(on, ("minidlnad -S -f %s -P %s/pid"):format(conf, folder))
    peers.listens(on, 1900)
    Network.wait(function()
      return on:run("cat /proc/net/igmp"):find("FAFFFFEF") -- the group
    end, 20)
    return child, folder
  end

  -- What a search prints, by what it begins with.
  local function found(...)
    local search = peers.example(host, "ssdp_search.lua", ...)
    local status, text = search:outcome(30)
    assert.equal(0, status)
    return text
  end

  it("finds minidlna on every interface, once", function()
    helper.run(function()
      local a, folder_a = device(one)
      local b, folder_b = device(two)
      local text = found("upnp:rootdevice", "4")
      for name, address in pairs { eth0 = "10.0.1.2", eth1 = "10.0.2.2" } do
        local _, times = text:gsub(("%s uuid:%%S+::upnp:rootdevice\n  http://%s:8200/%%S+ by %s, ")
          :format(name, address, address), "")
        assert.equal(1, times, text)
      end
      assert.truthy(text:find("MiniDLNA", 1, true), text)
      local _, lines = text:gsub("\n", "")
      assert.equal(4, lines, text)
      a:stop()
      b:stop()
      for _, folder in ipairs { folder_a, folder_b } do os.execute("rm -r " .. folder) end
    end, 60)
  end)

  it("says so when nobody answers, and passes over what is no answer", function()
    helper.run(function()
      local odd = one:socket({ type = "udp4", multicastAll = false }, { port = 1900 })
      one:call(odd.addMembership, odd, "239.255.255.250", "eth0")
      odd:on("message", function(msg, rinfo)
        assert.truthy(msg:find("^M%-SEARCH %* HTTP/1%.1\r\nHOST: 239%.255%.255%.250:1900\r\n"))
        local answer = "HTTP/1.1 200 OK\r\nUSN: uuid:x\r\nLOCATION: http://x\r\n\r\n"
        for length = 0, #answer - 28 do odd:reply(answer:sub(1, length), rinfo) end
        odd:reply("NOTIFY * HTTP/1.1\r\nUSN: uuid:x\r\nLOCATION: y\r\n\r\n", rinfo)
      end)
      assert.equal("nobody answers\n", found("ssdp:all", "1"))
      odd:close()
    end, 60)
  end)
end)
