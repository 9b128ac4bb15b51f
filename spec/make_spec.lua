-- What the Makefile installs; what its `setup` says and does, with an apt-get that only prints.
local helper = require "spec.support.helper"
local host = require "spec.support.host"
local uv = require "luv"

-- An apt-get that refuses to install, as when packages conflict, and has no sources:
-- it prints how it was called to a log, and what a simulation says.
local APT = [[#!/bin/sh
echo "$*" >> "$(dirname "$0")/log"
case "$*" in
  "-s "*) echo "Remv libnginx-mod-http-lua [1:0.10.23]"; exit 0;;
  *install*|*--download-only*) exit 100;;
esac
]]

describe("make", function()
  local folder = helper.path()
  local MAKE = "env -u MAKEFLAGS -u MAKELEVEL -u LUA make -s --no-print-directory "

  setup(function()
    assert(uv.fs_mkdir(folder, 448))
    helper.write(APT, folder .. "/apt-get")
    assert(uv.fs_chmod(folder .. "/apt-get", 448))
  end)

  teardown(function() host.output("rm -r " .. folder) end)

  it("install has the module and its manual page; uninstall leaves neither", function()
    local call = ("%s LUA=%s DESTDIR=%s/root PREFIX=/usr "):format(MAKE, uv.exepath(), folder)
    local files = ("cd %s/root && find . -type f | sort"):format(folder)
    assert(host.output(call .. "install"))
    local text = host.output(files)
    for _, path in ipairs { "/dgram/core%.so", "/dgram%.lua", "/dgram/loop/luv%.lua",
      "/usr/share/man/man3/dgram%.3lua" } do
      assert.is_truthy(text:find(path .. "\n"), text)
    end
    assert(host.output(call .. "uninstall"))
    assert.equal("", host.output(files))
  end)

  it("help names every target that is for people", function()
    local text = host.output(MAKE .. "help"):gsub("settings:.*", "")
    local inner = { help = true, interpreter = true, packages = true }
    for _, path in ipairs { "Makefile", "spec/checks.mk" } do
      local phony = helper.read(path):gsub("\\\n", ""):match("%.PHONY:([^\n]*)")
      for target in phony:gmatch("%S+") do
        if not (inner[target] or target:find "^run%-" or target:find "%-setup$") then
          assert.is_truthy((" " .. text):find("%s" .. target:gsub("%-", "%%-") .. "%s"), target)
        end
      end
    end
  end)

  it("for an interpreter that is missing says how it is installed", function()
    local text, good = host.output(MAKE .. "LUA=lua4.0 lint")
    assert.is_false(good)
    assert.is_truthy(text:find("lua4.0 does not run: make setup LUA=lua4.0\n", 1, true))
  end)

  it("setup removes no package, and says which would have been", function()
    local text, good = host.output(("PATH=%s:$PATH %s packages SUDO= MISSING=' luajit'")
      :format(folder, MAKE))
    assert.is_false(good)
    assert.is_truthy(text:find("it would remove: libnginx-mod-http-lua\n", 1, true))
    for line in helper.read(folder .. "/log"):gmatch("[^\n]*install[^\n]*") do
      assert.is_truthy(line:find("--no-remove", 1, true) or line:find("^%-s "))
    end
  end)

  it("peers-setup has a policy that starts no daemon while it installs, no longer", function()
    local policy = folder .. "/policy-rc.d"
    helper.write('#!/bin/sh\n"$POLICY" avahi start; echo "$? $*"\nexit 7\n', folder .. "/apt-get")
    local call = ("PATH=%s:$PATH POLICY=%s spec/peers/apt"):format(folder, policy)
    local text, good = host.output(call .. " install x")
    assert.is_false(good)
    assert.equal("101 -qq -o DPkg::Lock::Timeout=600 install x\n", text)
    assert.is_nil(uv.fs_stat(policy))

    helper.write("#!/bin/sh\nexit 104\n", policy) -- somebody else's
    assert(uv.fs_chmod(policy, 448))
    assert.equal("104 -qq", host.output(call .. " update"):match("^104 %-qq"))
    assert.truthy(uv.fs_stat(policy))
    helper.write(APT, folder .. "/apt-get")
  end)

  it("sanitize says so where the source of Lua cannot be had, and passes", function()
    local text, good = host.output(("PATH=%s:$PATH %s LUA=%s CHECKS=%s run-sanitize")
      :format(folder, MAKE, uv.exepath(), folder .. "/checks"))
    assert.is_true(good, text)
    assert.is_truthy(text:find("apt-get has no source of lua", 1, true), text)
    assert.is_truthy(text:find("\n1 pending: sanitizers: no source of lua[%w.]+\n1 pending\n"
      .. "0 passed, 0 failed\n$"), text)
  end)
end)
