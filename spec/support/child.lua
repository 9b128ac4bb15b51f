-- A child process whose lines of output a spec can wait for; what a failed spec
-- leaves running is ended (see leftovers.lua).
--
--   local child = Child.start("socat", "-", "UDP4:127.0.0.1:" .. port)
--   child:write("hello\n")
--   assert.equal("hello", child:line())
--   child:stop()
local helper = require "spec.support.helper"
local uv = require "luv"

-- Seconds to wait for what a child does: valgrind takes long on a busy machine.
local PATIENCE = 30

local PRELUDE = 'local dgram, uv = require "dgram", require "luv"\n'

local Child = {}
Child.__index = Child

-- Starts a command that has these descriptors as its numbers from 3 on; its output
-- is collected, its errors go to ours.
function Child.with(descriptors, command, ...)
  local self = setmetatable({ text = "" }, Child)
  self.input, self.output = uv.new_pipe(false), uv.new_pipe(false)
  local stdio = { self.input, self.output, 2 }
  for _, fd in ipairs(descriptors) do stdio[#stdio + 1] = fd end
  local options = { args = { ... }, stdio = stdio }
  self.process = assert(uv.spawn(command, options, function(status, signal)
    self.status = signal > 0 and 128 + signal or status
  end))
  self.output:read_start(function(_, chunk)
    if chunk then self.text = self.text .. chunk else self.ended = true end
  end)
  return self
end

-- Starts a command that has no more than the usual descriptors.
function Child.start(command, ...) return Child.with({}, command, ...) end

-- Starts a Lua script with the interpreter that runs the specs.
function Child.lua(...)
  return Child.start(uv.exepath(), "-e", "io.stdout:setvbuf('line')", ...)
end

-- Starts Lua code with `dgram` and `uv`; its errors are part of the output.
function Child.code(text)
  return Child.start("sh", "-c", 'exec "$0" "$@" 2>&1', uv.exepath(), "-e",
    PRELUDE .. text)
end

-- Writes Lua code with `dgram` and `uv` to a file, for another process to run.
function Child.script(text)
  return helper.write(PRELUDE .. text)
end

-- Waits for the next line of output; nil when the output has ended.
local function next_line(self)
  helper.wait(function() return self.text:find("\n") or self.ended end, PATIENCE)
  local line, rest = self.text:match("^(.-)\n(.*)$")
  self.text = rest or self.text
  return line
end

-- Returns the next line; with `pattern`, what that captures in the next line
-- that matches it.
function Child:line(pattern)
  for line in next_line, self do
    local a, b = line:match(pattern or ".*")
    if a then return a, b end
  end
  error("the output ended without " .. (pattern or "a line"), 2)
end

function Child:write(text)
  self.input:write(text)
end

-- Waits until the process has ended by itself; returns its exit status.
function Child:wait()
  helper.wait(function() return self.status and self.ended end, PATIENCE)
  self.process:close()
  self.input:close()
  self.output:close()
  uv.run("nowait")
  return self.status
end

-- Waits for the end of the output, too; returns the exit status and what is left of
-- the output.
function Child:outcome(seconds)
  helper.wait(function() return self.ended end, seconds or PATIENCE)
  local text = self.text
  return self:wait(), text
end

-- Ends the process by a signal (SIGTERM); returns its exit status, 143 when it was
-- the signal's.
function Child:stop(signal)
  if not self.status then self.process:kill(signal or "sigterm") end
  return self:wait()
end

return Child
