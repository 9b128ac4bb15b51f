rockspec_format = "3.0"
package = "dgram"
version = "scm-1"
source = {
  url = "git+https://example.org/dgram.git",
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
  "lua >= 5.1",
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
    ["dgram.emitter"] = "lua/dgram/emitter.lua",
    ["dgram.errors"] = "lua/dgram/errors.lua",
    ["dgram.flow"] = "lua/dgram/flow.lua",
    ["dgram.lookup"] = "lua/dgram/lookup.lua",
    ["dgram.loop"] = "lua/dgram/loop.lua",
    ["dgram.nginx"] = "lua/dgram/nginx.lua",
    ["dgram.option"] = "lua/dgram/option.lua",
    ["dgram.pollloop"] = "lua/dgram/pollloop.lua",
    ["dgram.send"] = "lua/dgram/send.lua",
    ["dgram.socket"] = "lua/dgram/socket.lua",
    ["dgram.turn"] = "lua/dgram/turn.lua",
    ["dgram.core"] = {
      sources = {
        "src/address.c",
        "src/blocker.c",
        "src/blocklist.c",
        "src/core.c",
        "src/errno.c",
        "src/input.c",
        "src/loop.c",
        "src/multicast.c",
        "src/option.c",
        "src/output.c",
        "src/poller.c",
        "src/receive.c",
        "src/send.c",
        "src/socket.c",
        "src/system.c",
        "src/verdict.c",
      },
      incdirs = { "src" },
    },
  },
}
test = {
  type = "command",
  script = "spec/busted.lua",
}
