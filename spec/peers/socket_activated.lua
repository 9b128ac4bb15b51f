-- examples/socket_activated.lua, started by systemd-socket-activate at the first
-- datagram; examples/sd_notify.lua hears that it is ready.
local helper = require "spec.support.helper"
local peers = require "spec.support.peers"
local uv = require "luv"

describe("socket_activated.lua", function()
  local network, server, client

  before_each(function() network, server, client = peers.pair() end)
  after_each(function() network:close() end)

  -- Starts an ear for the state, and the program that waits for the first datagram.
  local function activate(path, idle)
    peers.need(pending, "systemd-socket-activate", "socat")
    local notify = helper.path()
    local ear = peers.example(server, "sd_notify.lua", notify)
    ear:line("^listening")
    local program = peers.start(server, ([[systemd-socket-activate --datagram -l 5007 \
      -l '[fd00::1]:5008' -l %s -E LUA_PATH -E LUA_CPATH -E NOTIFY_SOCKET=%s \
      %s examples/socket_activated.lua %s]]):format(path, notify, uv.exepath(), idle))
    for _ = 1, 3 do program:line("^Listening on") end
    return program, ear
  end

  -- Checks what the ear hears of a process.
  local function tells(ear, pid, ...)
    for _, text in ipairs { ... } do
      assert.equal(("pid %d of user %d: %s"):format(pid, uv.getuid(), text), ear:line())
    end
  end

  it("is started by a datagram, answers on every socket, tells systemd, and ends", function()
    helper.run(function()
      local path, own = helper.path(), helper.path()
      local program, ear = activate(path, 5)
      local pid = program.process:get_pid()
      assert.truthy(peers.ask(client, "UDP4:10.0.0.9:5007"):find("^::ffff:10%.0%.0%.2 port %d+$"))
      tells(ear, pid, "READY=1", "STATUS=answers on 3 sockets")
      assert.truthy(peers.ask(client, "UDP6:[fd00::9]:5007"):find("^fd00::2 port %d+$"))
      assert.truthy(peers.ask(client, "UDP6:[fd00::1]:5008"):find("^fd00::2 port %d+$"))
      local who = peers.ask(server, ("UNIX-SENDTO:%s,bind=%s"):format(path, own))
      assert.truthy(who:find("^pid %d+ of user " .. uv.getuid() .. "$"), who)
      tells(ear, pid, "STOPPING=1", "STATUS=idle")
      assert.equal(0, program:wait())
      assert.equal(0, ear:stop("sigint"))
    end, 60)
  end)

  it("ends when it is told to, and says so", function()
    helper.run(function()
      local program, ear = activate(helper.path(), 60)
      local pid = program.process:get_pid()
      peers.ask(client, "UDP4:10.0.0.1:5007")
      tells(ear, pid, "READY=1", "STATUS=answers on 3 sockets")
      assert.equal(0, program:stop())
      tells(ear, pid, "STOPPING=1", "STATUS=told to")
      assert.equal(0, ear:stop("sigint"))
    end, 60)
  end)

  it("says so without a socket", function()
    helper.run(function()
      local program = peers.example(server, "socket_activated.lua")
      assert.truthy(program:line():find("^no sockets were passed"))
      assert.equal(1, program:wait())
    end, 60)
  end)
end)
