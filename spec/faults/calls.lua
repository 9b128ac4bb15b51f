-- Every system call of the module fails, or is cut short, at every index, in
-- every scenario: each callback comes exactly once and tells the truth, order
-- is kept, the sockets work afterwards, and no descriptor is lost.
-- Run by `make test-faults`, which preloads the shim.
local Case = require "spec.faults.case"
local faults = require "faults"
local helper = require "spec.helper"
local scenarios = require "spec.faults.scenarios"
local core = require "dgram.core"

-- What may happen to each call: errors of the system, or the most messages
-- that one call may pass.
local actions = {
  { "bind", "EADDRINUSE", "EACCES", "ENOMEM" },
  { "close", "EIO", "EINTR" },
  { "connect", "EINTR", "EAGAIN", "ENETUNREACH", "EPERM" },
  { "dup3", "EINTR", "EBUSY" },
  { "fchmod", "EPERM" },
  { "fcntl", "EINVAL" },
  { "getifaddrs", "ENOMEM", "EMFILE" },
  { "getpeername", "ENOTCONN", "ENOBUFS" },
  { "getsockname", "ENOBUFS" },
  { "getsockopt", "ENOPROTOOPT", "ENOMEM" },
  { "if_nametoindex", "ENODEV" },
  { "lstat", "ENOENT", "EACCES" },
  { "open", "EMFILE", "ENFILE", "ENOENT" },
  { "recvmmsg", "EAGAIN", "EINTR", "ENOMEM", "ENOBUFS", "ECONNREFUSED", "EIO",
    1, 3 },
  { "sendmmsg", "EAGAIN", "EINTR", "ENOBUFS", "ENOMEM", "EPERM", "EIO",
    "EINVAL", "EMSGSIZE", "ECONNREFUSED", "EHOSTUNREACH", 1, 3 },
  { "setsockopt", "ENOPROTOOPT", "ENOMEM", "EPERM" },
  { "socket", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EAFNOSUPPORT" },
  { "unlink", "EPERM" },
}

local LENGTHS = { 1, 2, 5 } -- calls in a row that fail

-- Runs a scenario from first socket to last 'close'.
local function run(scenario, prepare)
  helper.run(function()
    local case = Case.new()
    faults.clear()
    if prepare then prepare() end
    scenario[2](case, helper.path)
    faults.clear()
    case:prove(helper.path)
    case:close()
  end)
end

-- Counts the calls of a scenario in which nothing fails.
local function count_calls(scenario)
  local counts = {}
  helper.run(function()
    local case = Case.new()
    faults.clear()
    scenario[2](case, helper.path)
    case:close()
    for _, action in ipairs(actions) do
      counts[action[1]] = faults.count(action[1])
    end
  end)
  return counts
end

-- Runs a scenario with one fault; tells which one when that goes wrong.
local function run_with(scenario, call, index, length, action)
  local number = type(action) == "string" and core.errno(action) or action
  local ok, err = pcall(run, scenario, function()
    faults.at(call, index, length, number)
  end)
  if ok then return end
  error(("%s number %d to %d: %s: %s"):format(call, index,
    index + length - 1, action, tostring(err)), 0)
end

for _, scenario in ipairs(scenarios) do
  describe(scenario[1], function()
    local counts = count_calls(scenario)
    for _, action in ipairs(actions) do
      local call = action[1]
      if counts[call] > 0 then
        it(("survives a failing %s (%d calls)"):format(call, counts[call]),
          function()
            for index = 1, counts[call] do
              for _, length in ipairs(LENGTHS) do
                for i = 2, #action do
                  run_with(scenario, call, index, length, action[i])
                end
              end
            end
          end)
      end
    end
  end)
end
