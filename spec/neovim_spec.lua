-- In Neovim, on its own loop: the example plugin in a headless session.
local Child = require "spec.support.child"
local dgram = require "dgram"
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local uv = require "luv"

describe("Neovim", function()
  local core = host.has("nvim") and host.core_path("luajit", "lua5.1")

  -- Starts Neovim with the example, luv being under the name of a field of
  -- `vim`, and with one more command.
  local function start(name, command)
    return Child.start("env",
      "LUA_PATH=" .. uv.cwd() .. "/lua/?.lua;;", "LUA_CPATH=" .. core .. ";;",
      "sh", "-c", 'exec nvim "$@" 2>&1', "nvim",
      "--headless", "-u", "NONE", "-i", "NONE", "-n",
      "--cmd", "lua package.loaded.luv, package.preload.luv = nil, nil",
      "--cmd", "lua local uv = vim.uv or vim.loop; "
        .. "vim.uv, vim.loop = nil, nil; " .. name .. " = uv",
      "--cmd", "luafile examples/neovim/inbox.lua", "-c", command)
  end

  -- Sends a burst to a session that stands still, so that it reads all at once:
  -- behind the message whose listener raises, the others come in order.
  local function burst(session, socket, orders)
    local messages, sent = { "one", "raise", "two", "raise" }, 0
    for i = 1, 40 do messages[#messages + 1] = "number " .. i end
    session.process:kill("sigstop")
    for _, message in ipairs(messages) do
      socket:send(message, orders, function() sent = sent + 1 end)
    end
    helper.wait(function() return sent == #messages end)
    session.process:kill("sigcont")
    for _, message in ipairs(messages) do
      if message ~= "raise" then
        assert.are.equal(message, session:line("got (.*)"))
      end
    end
  end

  -- Sends to the example, raises in a listener, and quits.
  local function converse(session, socket)
    local inbox, orders = session:line("^inbox (%d+) orders (%d+)")
    inbox, orders = tonumber(inbox), tonumber(orders)
    socket:send("the build failed", inbox)
    assert.are.equal(("notified false 127.0.0.1:%d: the build failed"):format(
      socket:address().port), session:line("notified .*"))
    socket:send("fast", orders)
    assert.are.equal("fast true", session:line("fast .*"))
    socket:send("raise", orders)
    session:line("a listener raised")
    burst(session, socket, orders)
    socket:send("name", orders)
    session:line("buffer $")
    socket:send("again", inbox)
    session:line("notified false .* again")
    socket:send("quit", orders, function() socket:close() end)
    assert.are.equal(0, session:wait())
  end

  -- Why there is nothing to test; nil when there is.
  local function lacking()
    if not host.has("nvim") then return "no nvim" end
    return not core and "no headers of LuaJIT or Lua 5.1" or nil
  end

  for _, name in ipairs { "vim.loop", "vim.uv" } do
    it("runs the example on " .. name .. ", outlives errors, quits", function()
      if lacking() then pending(lacking()) end
      helper.run(function()
        local socket = dgram.createSocket("udp4")
        socket:bindSync({ address = "127.0.0.1" })
        converse(start(name, "luafile spec/neovim/session.lua"), socket)
      end, 10)
    end)
  end

  -- What the page says to type in a shell, as a user with an empty home, to whom what
  -- puts this spec on another loop is unknown.
  local function commands(page, home)
    local list = { "export HOME=" .. home }
    for line in page:gmatch("\n    ([mc][^\n]+)") do list[#list + 1] = line end
    return "env -u MAKEFLAGS -u MAKELEVEL -u LUA_INIT sh -ec '" .. table.concat(list, "\n") .. "'"
  end

  for _, kind in ipairs { "init.lua", "init.vim" } do
    it("finds the module and the plugin as docs/embedding.md says: " .. kind, function()
      if lacking() then pending(lacking()) end
      if not host.has("luajit") then pending("no luajit") end
      local page = helper.read("docs/embedding.md"):match("\n## Neovim.-\n## ")
      local home, lines = helper.path(), page:match("```text\n(.-)```")
      local text, good = host.output(("mkdir -p %s && %s"):format(home, commands(page, home)))
      assert(good, text)
      if kind == "init.vim" then lines = "lua << EOF\n" .. lines .. "EOF\n" end
      helper.write(lines, home .. "/.config/nvim/" .. kind)
      text = host.output(("env -u XDG_CONFIG_HOME -u LUA_INIT -u LUA_PATH -u LUA_CPATH "
        .. "HOME=%s nvim --headless -i NONE "
        .. "'+lua vim.wait(5000, function() return vim.g.inbox_port end)' "
        .. "'+lua print(vim.g.inbox_port)' +q"):format(home))
      host.output("rm -r " .. home)
      assert.is_truthy(tonumber(text), text)
    end)
  end

  it("quits in silence before the example has told its port", function()
    if lacking() then pending(lacking()) end
    helper.run(function()
      local session = start("vim.loop", "qall")
      assert.are.equal(0, session:wait())
      assert.are.equal("", session.text)
    end, 10)
  end)
end)
