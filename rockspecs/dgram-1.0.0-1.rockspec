rockspec_format = "3.0"
package = "dgram"
version = "1.0.0-1"
source = {
  url = "git+https://example.org/dgram.git",
  tag = "v1.0.0",
}
description = {
  summary = "UDP and unix domain datagram sockets with the API of Node's dgram",
  detailed = [[
    Datagram sockets (udp4, udp6, unix_dgram) on the luv event loop, with the
    functions, events and errors of Node's dgram module. The core is in C,
    sends and receives in batches, and needs Lua's headers and a libc only.
  ]],
  license = "MIT",
  labels = { "network", "udp", "unix", "luv", "async" },
}
supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.1, < 5.6",
  "luv",
}
build = {
  type = "builtin",
  modules = {
    dgram = "lua/dgram.lua",
    ["dgram.abort"] = "lua/dgram/abort.lua",
    ["dgram.bind"] = "lua/dgram/bind.lua",
    ["dgram.blocklist"] = "lua/dgram/blocklist.lua",
    ["dgram.check"] = "lua/dgram/check.lua",
    ["dgram.close"] = "lua/dgram/close.lua",
    ["dgram.compat"] = "lua/dgram/compat.lua",
    ["dgram.connect"] = "lua/dgram/connect.lua",
    ["dgram.deliver"] = "lua/dgram/deliver.lua",
    ["dgram.coroutine"] = "lua/dgram/coroutine.lua",
    ["dgram.descriptor"] = "lua/dgram/descriptor.lua",
    ["dgram.emitter"] = "lua/dgram/emitter.lua",
    ["dgram.errors"] = "lua/dgram/errors.lua",
    ["dgram.family"] = "lua/dgram/family.lua",
    ["dgram.flow"] = "lua/dgram/flow.lua",
    ["dgram.listen"] = "lua/dgram/listen.lua",
    ["dgram.lookup"] = "lua/dgram/lookup.lua",
    ["dgram.loop"] = "lua/dgram/loop.lua",
    ["dgram.loop.copas"] = "lua/dgram/loop/copas.lua",
    ["dgram.loop.cqueues"] = "lua/dgram/loop/cqueues.lua",
    ["dgram.loop.event"] = "lua/dgram/loop/event.lua",
    ["dgram.loop.luv"] = "lua/dgram/loop/luv.lua",
    ["dgram.loop.poll"] = "lua/dgram/loop/poll.lua",
    ["dgram.nginx"] = "lua/dgram/nginx.lua",
    ["dgram.nginx.handlers"] = "lua/dgram/nginx/handlers.lua",
    ["dgram.nginx.log"] = "lua/dgram/nginx/log.lua",
    ["dgram.nginx.misuse"] = "lua/dgram/nginx/misuse.lua",
    ["dgram.nginx.requests"] = "lua/dgram/nginx/requests.lua",
    ["dgram.option"] = "lua/dgram/option.lua",
    ["dgram.pollloop"] = "lua/dgram/pollloop.lua",
    ["dgram.receive"] = "lua/dgram/receive.lua",
    ["dgram.scheduler"] = "lua/dgram/scheduler.lua",
    ["dgram.selector"] = "lua/dgram/selector.lua",
    ["dgram.send"] = "lua/dgram/send.lua",
    ["dgram.socket"] = "lua/dgram/socket.lua",
    ["dgram.timers"] = "lua/dgram/timers.lua",
    ["dgram.wait"] = "lua/dgram/wait.lua",
    ["dgram.core"] = {
      sources = {
        "src/engine/address.c",
        "src/engine/blocklist.c",
        "src/engine/control.c",
        "src/engine/errno.c",
        "src/engine/fifo.c",
        "src/engine/lane.c",
        "src/engine/multicast.c",
        "src/engine/passed.c", "src/engine/path.c",
        "src/engine/queue.c",
        "src/engine/receive.c",
        "src/engine/report.c",
        "src/engine/system.c", "src/engine/system_group.c",
        "src/engine/system_io.c", "src/engine/system_option.c",
        "src/engine/train.c",
        "src/engine/transmit.c",
        "src/lua/blocker.c", "src/lua/callback.c",
        "src/lua/completion.c",
        "src/lua/core.c", "src/lua/descriptor.c",
        "src/lua/guard.c",
        "src/lua/input.c",
        "src/lua/loop.c",
        "src/lua/option.c",
        "src/lua/output.c",
        "src/lua/poller.c",
        "src/lua/socket.c",
        "src/lua/state.c",
        "src/lua/turn.c", "src/lua/way.c",
      },
    },
  },
}
test = {
  type = "command",
  script = "spec/busted.lua",
}
