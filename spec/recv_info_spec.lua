-- The option recvInfo: what the kernel tells of a datagram besides who sent it.
local dgram = require "dgram"
local helper = require "spec.support.helper"
local inside = require "spec.support.inside" -- a descriptor of somebody else's
local traffic = require "spec.support.traffic"
local uv = require "luv"

-- Every field that a UDP socket can know.
local UDP = { "localAddress", "interface", "ttl", "typeOfService", "timestamp" }

-- A bound socket that asks for fields, its inbox and its port.
local function hearing(kind, where, fields, more)
  local options = more or {}
  options.type, options.recvInfo = kind, fields
  local socket, inbox = helper.bound(options, where)
  return socket, inbox, socket:address().port
end

-- Makes the spec pending where this build cannot know a field.
local function need_field(field, kind)
  if traffic.can_tell(kind, field) then return end
  pending(("this build does not tell %s of %s"):format(field, kind))
end

-- The names of a table's fields, sorted.
local function names(table_)
  local list = {}
  for name in pairs(table_) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, " ")
end

describe("recvInfo", function()
  -- What a wildcard socket is sent to, by how the test is called.
  local wildcards = {
    ["udp4"] = { kind = "udp4", any = "0.0.0.0", from = "127.0.0.1",
      to = { "127.0.0.1", "127.0.0.2", "127.3.2.1" } },
    ["udp6"] = { kind = "udp6", any = "::", from = "::1", to = { "::1" } },
    ["udp6, which hears IPv4 too"] = { kind = "udp6", any = "::",
      from = "::ffff:127.0.0.1", to = { "::ffff:127.0.0.1", "::ffff:127.0.0.2" } },
  }

  for name, case in pairs(wildcards) do
    it("tells the address a datagram was sent to: " .. name, function()
      need_field("localAddress", case.kind)
      helper.run(function()
        local server, inbox, port = hearing(case.kind, case.any, { "localAddress" })
        local client = helper.bound(case.kind, case.any)
        for i, to in ipairs(case.to) do
          client:send("x", port, to)
          helper.fill(inbox, i)
          assert.equal(to, inbox[i].from.localAddress)
          assert.equal("address family localAddress port size", names(inbox[i].from))
        end
        helper.close(server, client)
      end)
    end)

    it("tells interface, ttl, type of service and time: " .. name, function()
      need_field("interface", case.kind)
      helper.run(function()
        local server, inbox, port = hearing(case.kind, case.any, UDP)
        local client = helper.bound(case.kind, case.any)
        client:setTTL(17)
        client:send("x", port, case.to[1])
        local from = helper.fill(inbox)[1].from
        helper.has({ interface = "lo", ttl = 17, typeOfService = 0,
          localAddress = case.to[1] }, from)
        assert.is_true(math.abs(from.timestamp - os.time()) < 5)
        helper.close(server, client)
      end)
    end)
  end

  it("tells nothing that was not asked for", function()
    helper.run(function()
      for _, fields in ipairs { false, {} } do
        local server, inbox, port = hearing("udp4", "127.0.0.1", fields or nil)
        server:send("x", port, "127.0.0.1")
        assert.equal("address family port size", names(helper.fill(inbox)[1].from))
        server:close()
      end
    end)
  end)

  it("tells a field once that is asked for twice", function()
    helper.run(function()
      local server, inbox, port = hearing("udp4", "127.0.0.1", { "ttl", "ttl" })
      server:send("x", port, "127.0.0.1")
      assert.equal("address family port size ttl", names(helper.fill(inbox)[1].from))
      server:close()
    end)
  end)

  it("throws for a name that there is not, and lists those there are", function()
    for _, wrong in ipairs { { "tll" }, { "ttl", 5 }, { ttl = true }, { {} } } do
      local err = helper.raised(dgram.createSocket, { type = "udp4", recvInfo = wrong })
      helper.has({ name = "TypeError", code = "ERR_INVALID_ARG_VALUE" }, err)
      assert.truthy(err.message:find("localAddress, interface, ttl, typeOfService, "
        .. "timestamp, credentials", 1, true), err.message)
    end
    helper.has({ code = "ERR_INVALID_ARG_TYPE" }, helper.raised(dgram.createSocket,
      { type = "udp4", recvInfo = "ttl" }))
  end)

  it("throws ENOTSUP for what sockets of the type cannot know", function()
    for kind, fields in pairs { udp4 = { "credentials" }, udp6 = { "credentials" },
      unix_dgram = { "localAddress", "interface", "ttl", "typeOfService" } } do
      for _, field in ipairs(fields) do
        helper.has({ code = "ENOTSUP",
          message = ("recvInfo '%s' of %s ENOTSUP"):format(field, kind) },
          helper.raised(dgram.createSocket, { type = kind, recvInfo = { "timestamp",
            field } }))
      end
    end
  end)
end)

describe("recvInfo of a descriptor that is adopted", function()
  it("is told as of any other", function()
    need_field("localAddress", "udp6")
    helper.run(function()
      local raw = inside.raw("udp6")
      assert(raw:bind("::", 0))
      local fd = raw:fileno()
      raw:disown()
      local server = dgram.createSocket { type = "udp6", recvInfo = UDP }
      local inbox = {}
      server:on("message", function(_, rinfo) inbox[#inbox + 1] = rinfo end)
      server:bind({ fd = fd })
      local client = helper.bound("udp4")
      client:send("x", server:address().port, "127.0.0.2")
      helper.has({ localAddress = "::ffff:127.0.0.2", interface = "lo" },
        helper.fill(inbox)[1])
      helper.close(client, server)
    end)
  end)
end)

describe("recvInfo of unix_dgram", function()
  -- Sends from a socket to one that asks for fields; returns the rinfo.
  local function told(fields)
    local server, inbox = helper.bound { type = "unix_dgram", recvInfo = fields }
    local client = dgram.createSocket "unix_dgram"
    client:send("x", server:address().address, helper.sent())
    local from = helper.fill(inbox)[1].from
    helper.close(server, client)
    return from
  end

  it("tells process, user and group of the sender", function()
    need_field("credentials", "unix_dgram")
    helper.run(function()
      local who = told({ "credentials" }).credentials
      local user = uv.getuid()
      assert.same({ pid = uv.os_getpid(), uid = user, gid = uv.getgid() }, who)
    end)
  end)

  it("tells when it came", function()
    helper.run(function()
      local from = told { "timestamp" }
      assert.equal("address family size timestamp", names(from))
      assert.is_true(math.abs(from.timestamp - os.time()) < 5)
    end)
  end)
end)

describe("recvInfo of a train", function()
  for manner, gro in pairs { ["with"] = true, ["without"] = false } do
    it("is that of each of its datagrams, " .. manner .. " gro", function()
      need_field("localAddress", "udp4")
      helper.run(function()
        local server, inbox, port = hearing("udp4", "0.0.0.0", UDP, { gro = gro })
        local client = traffic.sender()
        client:setTTL(9)
        local messages = traffic.numbered(100)
        for i, each in ipairs(messages) do messages[i] = ("%04d"):format(each) end
        client:sendMany(messages, port, "127.0.0.5", helper.sent())
        helper.fill(inbox, 100)
        for i, each in ipairs(inbox) do
          assert.equal(messages[i], each.msg)
          helper.has({ localAddress = "127.0.0.5", interface = "lo", ttl = 9,
            typeOfService = 0, size = 4 }, each.from)
        end
        helper.close(server, client)
      end)
    end)
  end
end)
