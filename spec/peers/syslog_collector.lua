-- examples/syslog_collector.lua hears logger and rsyslog, over UDP and a unix socket.
local Network = require "spec.net.network"
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"
local uv = require "luv"

describe("syslog_collector.lua", function()
  local network, server, client, program, path

  before_each(function()
    network, server, client = peers.pair()
    path = helper.path()
  end)
  after_each(function() network:close() end)

  -- A spec with a collector that is ended by Ctrl-C.
  local function with_collector(name, body)
    it(name, function()
      helper.run(function()
        program = peers.example(server, "syslog_collector.lua", "5514", path)
        program:line("^listening on port 5514")
        body()
        assert.equal(0, program:stop("sigint"))
        assert.is_nil(uv.fs_stat(path))
      end, 60)
    end)
  end

  -- Has logger send from a host; returns what the next line ends with.
  local function logger(on, arguments)
    peers.need(pending, "logger")
    peers.output(on, "logger " .. arguments)
    return program:line()
  end

  with_collector("hears logger over UDP, RFC 3164 and 5424", function()
    local to = "-n 10.0.0.1 -P 5514 -d "
    local line = logger(client, to .. "--rfc3164 -p mail.err -t app --id=77 one: two")
    assert.truthy(line:find("^%a%a%a [%d ]%d [%d:]+ mail%.err %S+ app%[77%]: "
      .. "one: two %(10%.0%.0%.2%)$"), line)
    line = logger(client, to .. "--rfc5424=notq -p local7.debug -t app --msgid M one")
    assert.truthy(line:find("^%d%d%d%d%-%S+ local7%.debug %S+ app: one %(10%.0%.0%.2%)$"), line)
    line = logger(client, to .. [[--rfc5424=notq -p user.info -t app --sd-id z@1 \
      --sd-param 'k="a \] \" [b"' one]])
    assert.truthy(line:find('app: [z@1 k="a \\] \\" [b"] one (', 1, true), line)
  end)

  with_collector("hears logger over a unix socket, with its pid", function()
    peers.need(pending, "logger")
    local child = peers.start(server, "logger -u " .. path .. " -p cron.info -t app hello")
    local pid = child.process:get_pid()
    local line = program:line()
    assert.truthy(line:find((" cron.info - app: hello (pid %d of user %d)")
      :format(pid, uv.getuid()), 1, true), line)
    assert.equal(0, child:wait())
  end)

  -- Has rsyslog pass on what it hears by an action, and tell it something.
  local function rsyslog(action)
    peers.need(pending, "rsyslogd", "logger")
    local log = helper.path()
    local conf = helper.write(([[
      module(load="imuxsock" SysSock.Use="off")
      input(type="imuxsock" Socket="%s")
      %s
    ]]):format(log, action))
    local daemon = peers.start(server, ("rsyslogd -n -f %s -i %s"):format(conf, helper.path()))
    Network.wait(function() return uv.fs_stat(log) end, 20)
    peers.output(server, "logger -u " .. log .. " -p daemon.warning -t app through rsyslog")
    return daemon
  end

  -- What rsyslog passes on; it tells of itself, too.
  local function passed_on()
    return program:line("^(.* daemon%.warning %S+ app: through rsyslog .*)$")
  end

  local FORWARD = '*.* action(type="omfwd" target="10.0.0.1" port="5514" protocol="udp" '
    .. 'template="RSYSLOG_%s")'
  for template, time in pairs {
    TraditionalForwardFormat = "^%a%a%a [%d ]%d ",
    SyslogProtocol23Format = "^%d%d%d%d%-",
  } do
    with_collector("hears rsyslog's omfwd, " .. template, function()
      local daemon = rsyslog(FORWARD:format(template))
      local line = passed_on()
      assert.truthy(line:find(time) and line:find("(10.0.0.1)", 1, true), line)
      daemon:stop()
    end)
  end

  with_collector("hears rsyslog's omuxsock, with its pid", function()
    local daemon = rsyslog(("module(load=\"omuxsock\")\n$OMUxSockSocket %s\n*.* :omuxsock:")
      :format(path))
    local line = passed_on()
    assert.truthy(line:find(("(pid %d of"):format(daemon.process:get_pid()), 1, true), line)
    daemon:stop()
  end)

  with_collector("lets nobody write lines of others, and survives what is malformed", function()
    peers.need(pending, "socat")
    local socat = "socat -u - UDP4:10.0.0.1:5514"
    for text, expected in pairs {
      ["no priority\\na second line"] = "- user.notice - -: no priority#012a second line",
      ["<999>1 - - - - - - x"] = "- user.notice - -: <999>1 - - - - - - x",
      ["<34>1 - - - - - [a"] = "- auth.crit - -: 1 - - - - - [a",
      ['<34>1 - - - - - [a b="'] = '- auth.crit - -: 1 - - - - - [a b="',
      ["<34>1 - - - - - [a][b] x"] = "- auth.crit - -: [a][b] x",
      ["<0>"] = "- kern.emerg - -: ",
      ["<"] = "- user.notice - -: <",
    } do
      peers.output(client, ("printf '%s' | %s"):format(text:gsub("%%", "%%%%"), socat))
      assert.equal(expected .. " (10.0.0.2)", (program:line()))
    end
  end)
end)
