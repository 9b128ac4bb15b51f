-- The examples of docs/embedding.md in the programs they are for: HAProxy, Knot
-- Resolver, Prosody, each on free ports of loopback.
local Child = require "spec.support.child"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local inside = require "spec.support.inside"
local uv = require "luv"

local LOOPBACK = "127.0.0.1"

-- Starts a program in the directory of its example, with the module for an
-- interpreter and these variables; pending where either is missing.
local function start(lua, directory, variables, command)
  if not host.has(command:match("%S+")) then pending("not installed: " .. command) end
  local core = host.core_path(lua)
  if not core then pending("no headers of " .. lua) end
  local exports = { ("LUA_PATH='%s/lua/?.lua;;' LUA_CPATH='%s;;'"):format(uv.cwd(), core) }
  for name, value in pairs(variables) do
    exports[#exports + 1] = name .. "=" .. value
  end
  return Child.start("env", "-u", "LUA_INIT", "sh", "-c", ("cd %s && %s exec %s"):format(
    directory, table.concat(exports, " "), command))
end

-- Runs a command until its output has a pattern; returns the output.
local function ask(pattern, command, ...)
  local last = uv.hrtime() + 10e9 * helper.PATIENCE
  command = command:format(...)
  repeat
    local text = host.output(command .. " 2>/dev/null")
    if text:find(pattern) then return text end
  until uv.hrtime() > last
  error("nothing in 10 s: " .. command)
end

describe("the example", function()
  it("of HAProxy counts datagrams, and shows the sums over HTTP", function()
    helper.run(function()
      local statsd, http = host.free_port(), host.free_port()
      local child = start("lua5.3", "examples/haproxy",
        { STATSD_PORT = statsd, HTTP_PORT = http }, "haproxy -f haproxy.cfg")
      ask("^visits %d+\n", "printf 'visits:2|c' | socat -u - UDP4:127.0.0.1:%d; "
        .. "curl -s http://127.0.0.1:%d/", statsd, http)
      child:stop()
    end, 20)
  end)

  it("of Knot Resolver tells what is asked, and how often", function()
    if not inside.watches_lanes() then pending("no epoll: no descriptor to wait for") end
    helper.run(function()
      local reports, inbox = helper.bound("udp4")
      local count, dns, home = host.free_port(), host.free_port(), helper.path()
      uv.fs_mkdir(home, 448)
      local child = start("luajit", "examples/knot",
        { REPORT_PORT = reports:address().port, COUNT_PORT = count },
        ("kresd -n -c \"$PWD/kresd.conf\" -a 127.0.0.1@%d %s 2>/dev/null"):format(dns, home))
      local question = [[\022\064\001\000\000\001\000\000\000\000\000\000\005hello]]
        .. [[\004test\000\000\001\000\001]]
      ask("hello", "printf '%s' | timeout 1 socat -t0.2 - UDP4:127.0.0.1:%d", question, dns)
      assert.equal("hello.test.", helper.fill(inbox)[1].msg)
      local number = ask("^%d+$", "printf x | socat -t0.2 - UDP4:127.0.0.1:%d", count)
      assert.is_true(tonumber(number) >= 1)
      child:stop()
      host.output("rm -r " .. home)
      reports:close()
    end, 30)
  end)

  -- Talks XMPP as far as it takes to be somebody; returns the connection.
  local function log_in(port)
    local stream = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
      .. "xmlns:stream='http://etherx.jabber.org/streams'>"
    local tcp, heard, connected = uv.new_tcp(), "", false
    tcp:connect(LOOPBACK, port, function(err) connected = not err end)
    helper.wait(function() return connected end)
    tcp:read_start(function(_, chunk) heard = heard .. (chunk or "") end)
    for _, step in ipairs { { stream, "</stream:features>" },
      { "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>", "<success" },
      { stream, "</stream:features>" }, { "<iq type='set' id='1'><bind "
        .. "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "<jid>" } } do
      heard = ""
      tcp:write(step[1])
      helper.wait(function() return heard:find(step[2], 1, true) end)
    end
    return tcp
  end

  it("of Prosody tells who comes and goes, and who is here", function()
    if not inside.watches_lanes() then pending("no epoll: no descriptor to wait for") end
    helper.run(function()
      local reports, inbox = helper.bound("udp4")
      local who, xmpp, home = host.free_port(), host.free_port(), helper.path()
      uv.fs_mkdir(home, 448)
      local child = start("lua5.4", "examples/prosody", { XMPP_PORT = xmpp, WHO_PORT = who,
        REPORT_PORT = reports:address().port, DATA = home },
        "prosody -F --config \"$PWD/prosody.cfg.lua\" >/dev/null 2>&1")
      local question = "printf who | socat -t0.2 - UDP4:127.0.0.1:%d"
      ask("^\n$", question, who)
      local tcp = log_in(xmpp)
      local name = helper.fill(inbox)[1].msg:match("^(%S+)@localhost online\n$")
      assert.equal(name .. "\n", ask("%S", question, who))
      tcp:close()
      assert.equal(name .. "@localhost offline\n", helper.fill(inbox, 2)[2].msg)
      child:stop()
      host.output("rm -r " .. home)
      reports:close()
    end, 30)
  end)
end)
