-- What is measured: the contestants, the workloads and the targets, as tables.
--
-- A workload has a kind: "send" (a C sink on the other side), "receive" (a C
-- sender), "echo" (a C load generator). `arguments` go to the contestant, `peer`
-- to the other side; a contestant may add its own after its name. Those with a `label`
-- are in the chart.
local workloads = {}

local lua = os.getenv("LUA") or "lua5.4"

-- How each family of contestants is started: command, folder, suffix. `needs` is a
-- shell command that succeeds where the family is there.
workloads.families = {
  dgram = { lua, folder = "bench/dgram/", suffix = ".lua" },
  LuaJIT = { "bench/luajit", folder = "bench/dgram/", suffix = ".lua",
    needs = "bench/luajit -e 'require \"dgram\"'" },
  Node = { "node", folder = "bench/node/", suffix = ".js", needs = "node -v" },
  Bun = { "bun", folder = "bench/node/", suffix = ".js", needs = "bun -v" },
  Deno = { "deno", "run", "-A", folder = "bench/node/", suffix = ".js", needs = "deno -V" },
  luv = { lua, folder = "bench/luv/", suffix = ".lua" },
  LuaSocket = { lua, folder = "bench/luasocket/", suffix = ".lua",
    needs = lua .. " -e 'require \"socket.unix\"'" },
  C = { folder = "build/bench/", suffix = "",
    names = { send = "sender", receive = "receiver" } },
}

-- Contestants in the order of the tables, with their family.
local ORDER = {
  { "dgram", "dgram" }, { "dgram sendMany", "dgram" }, { "dgram receive()", "dgram" },
  { "dgram busyPoll", "dgram" }, { "dgram LuaJIT", "LuaJIT" },
  { "dgram, two workers", "dgram" }, { "Node", "Node" }, { "Bun", "Bun" },
  { "Deno", "Deno" }, { "luv", "luv" }, { "luv mmsgs", "luv" },
  { "LuaSocket", "LuaSocket" }, { "C", "C" },
}
workloads.order, workloads.family_of = {}, {}
for i, pair in ipairs(ORDER) do
  workloads.order[i], workloads.family_of[pair[1]] = pair[1], pair[2]
end

local PLAIN, TRAINS = { burst = 64 }, { gso = 1 }
local GRO = { "C", gro = 1 }

-- Senders of `size` bytes to one destination.
local function stream(size)
  return {
    id = "send-" .. size, kind = "send", arguments = { size = size },
    title = "send, one destination, " .. size .. " bytes",
    label = "send\\n" .. size .. " bytes",
    contestants = { { "dgram" }, { "dgram sendMany", mode = "many" },
      { "dgram LuaJIT" }, { "Node" }, { "Bun" }, { "Deno" }, { "luv" }, { "LuaSocket" },
      { "C", gso = 1 } },
  }
end

-- The same with a callback a message.
local function stream_callback(size)
  return {
    id = "send-callback-" .. size, kind = "send",
    title = "send, callback each, " .. size .. " bytes",
    label = "send\\n" .. size .. " bytes\\ncallbacks",
    arguments = { size = size, mode = "callback" },
    contestants = { { "dgram" }, { "dgram LuaJIT" }, { "Node" }, { "Bun" }, { "luv" } },
  }
end

-- Receivers of `size` bytes; `peer` says how the C program sends.
local function receive(name, size, peer)
  return {
    id = "receive-" .. name .. "-" .. size, kind = "receive", arguments = {},
    title = "receive from a " .. name .. " sender, " .. size .. " bytes",
    label = "receive\\n" .. size .. " bytes\\n" .. name,
    peer = { size = size, gso = peer.gso, burst = peer.burst },
    contestants = { { "dgram" }, { "dgram LuaJIT" }, { "Node" }, { "Bun" }, { "Deno" },
      { "luv" }, { "luv mmsgs", mmsgs = 20 }, { "LuaSocket" }, GRO },
  }
end

-- `flight` requests under way at an echo server.
local function echo(flight)
  return {
    id = "echo-" .. flight, kind = "echo", arguments = {},
    title = "echo, " .. flight .. " in flight",
    label = "echo\\n" .. flight .. " in flight", peer = { flight = flight },
    contestants = { { "dgram" }, { "dgram receive()", mode = "receive" },
      { "dgram busyPoll", busyPoll = 50 }, { "dgram LuaJIT" }, { "Node" }, { "Bun" },
      { "Deno" }, { "luv" }, { "LuaSocket" }, GRO },
  }
end

-- `count` sockets in one loop, 64 datagrams for one, then 64 for the next.
local function sockets(count)
  return {
    id = "sockets-" .. count, kind = "receive", arguments = { sockets = count },
    title = "receive on " .. count .. (count > 1 and " sockets" or " socket"),
    label = count == 1000 and "receive\\n1000\\nsockets" or nil,
    peer = PLAIN, contestants = { { "dgram" }, { "Node" }, { "luv" }, GRO },
  }
end

workloads.list = {
  stream(64),
  stream_callback(64),
  stream(1200),
  stream_callback(1200),
  {
    id = "send-alternate", kind = "send", title = "send, alternating destinations",
    label = "send\\nalternating",
    arguments = { mode = "alternate", burst = 1 }, peer = { sockets = 2 },
    contestants = { { "dgram" }, { "Node" }, { "luv" }, { "LuaSocket" }, { "C" } },
  },
  receive("GSO", 64, TRAINS),
  receive("GSO", 1200, TRAINS),
  receive("plain", 64, PLAIN),
  receive("plain", 1200, PLAIN),
  {
    id = "receive-info-64", kind = "receive", arguments = { info = "localAddress" },
    title = "receive from a plain sender, 64 bytes, with recvInfo = { \"localAddress\" }",
    peer = { size = 64, burst = PLAIN.burst }, contestants = { { "dgram" } },
  },
  echo(1),
  echo(64),
  {
    id = "echo-half", kind = "latency", base = "echo-64",
    title = "echo, half of the rate with 64 in flight",
    contestants = { { "dgram" }, { "Node" }, { "luv" }, GRO },
  },
  {
    id = "unix-send", kind = "send", title = "unix_dgram, send", unix = true,
    label = "unix\\nsend", arguments = {},
    contestants = { { "dgram" }, { "LuaSocket" }, { "C" } },
  },
  {
    id = "unix-receive", kind = "receive", title = "unix_dgram, receive", unix = true,
    label = "unix\\nreceive", arguments = {},
    contestants = { { "dgram" }, { "LuaSocket" }, { "C" } },
  },
  {
    id = "workers", kind = "workers", processors = 3,
    title = "receive by workers on one port (`reusePort`), plain senders",
    peer = { burst = PLAIN.burst, flows = 64 },
    contestants = { { "dgram", workers = 1 }, { "dgram, two workers", workers = 2 } },
  },
  sockets(1),
  sockets(100),
  sockets(1000),
  {
    id = "scattered-1000", kind = "receive", arguments = { sockets = 1000 },
    title = "receive on 1000 sockets, each datagram on the next",
    peer = { burst = 1 }, contestants = { { "dgram" }, { "luv" }, GRO },
  },
}

-- Ratio of the `metric` of dgram, or of another `contestant`, in `workload` to that of a
-- contestant (`against`), or to dgram's own in another workload (`base`): at `least` or
-- at `most` so much.
workloads.targets = {
  { workload = "send-64", metric = "rate", against = "Node", least = 28 },
  { workload = "send-64", metric = "cpu", against = "C", most = 2.5 },
  { workload = "send-callback-64", metric = "cpu", base = "send-64", most = 1.5 },
  { workload = "receive-GSO-64", metric = "rate", against = "Node", least = 16 },
  { workload = "receive-GSO-64", metric = "cpu", contestant = "dgram LuaJIT",
    against = "C", most = 2.5 },
  { workload = "receive-plain-64", metric = "cpu", against = "C", most = 1.35 },
  { workload = "receive-info-64", metric = "cpu", base = "receive-plain-64",
    most = 1.1 },
  { workload = "send-alternate", metric = "cpu", against = "C", most = 1.2 },
  { workload = "echo-1", metric = "cpu", against = "luv", most = 0.95 },
  { workload = "echo-1", metric = "p50", against = "C", most = 1.15 },
  { workload = "echo-1", metric = "p50", contestant = "dgram busyPoll",
    against = "luv", most = 0.5 },
  { workload = "echo-64", metric = "rate", against = "C", least = 1 },
  { workload = "echo-64", metric = "rate", against = "Node", least = 1.5 },
  { workload = "unix-send", metric = "cpu", against = "C", most = 1.5 },
  { workload = "unix-receive", metric = "cpu", against = "C", most = 1.5 },
  { workload = "sockets-1000", metric = "cpu", base = "sockets-1", most = 1.3 },
  { workload = "scattered-1000", metric = "cpu", against = "luv", most = 0.85 },
  { workload = "scattered-1000", metric = "cpu", against = "C", most = 1.15 },
  { workload = "workers", metric = "rate", contestant = "dgram, two workers",
    against = "dgram", least = 1.7 },
}

-- Values of one process: `value` names what the measurement returned.
workloads.limits = {
  { value = "idle", title = "idle bound socket, beside luv's poll handle",
    unit = "bytes", most = 1500 },
  { value = "flat_receive", title = "growth of the resident size, receiving",
    unit = "KiB", most = 256 },
  { value = "flat_send", title = "growth of the resident size, sending",
    unit = "KiB", most = 256 },
  { value = "require", title = "`require \"dgram\"` beyond `require \"luv\"`",
    unit = "ms", most = 2 },
}

return workloads
