-- A TFTP server (RFC 1350) with the options blksize, timeout and tsize (RFC 2347 to
-- 2349): hands out the files of one directory, and takes new ones. Each transfer has a
-- socket of its own, and leaves from the address that was asked. Ctrl-C ends it as soon
-- as the transfers under way have.
--   lua5.4 examples/tftp_server.lua directory [port [address]]
--   curl tftp://127.0.0.1:6969/name          tftp -m binary 127.0.0.1 6969 -c put name
package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path
local Transfer = require "tftp_transfer"
local dgram = require "dgram"
local tftp = require "tftp"
local uv = require "luv"

local MAX_TRANSFERS = 100 -- at a time

local directory = assert(arg[1], "usage: tftp_server.lua directory [port [address]]")
assert((uv.fs_stat(directory) or {}).type == "directory", directory .. " is no directory")
local address = arg[3] or "0.0.0.0"
local options = {
  type = address:find(":", 1, true) and "udp6" or "udp4",
  recvInfo = { "localAddress", "interface" },
}
local server = dgram.createSocket(options)
local busy, count = {}, 0 -- by client: whether it has a transfer

-- What a request's options do to a transfer. Each returns what the client is told; nil
-- passes it over.
local negotiate = {}

function negotiate.blksize(transfer, value)
  local size = tftp.integer(value, 8, 65464)
  transfer.size = size or transfer.size
  return size
end

function negotiate.timeout(transfer, value)
  local seconds = tftp.integer(value, 1, 30)
  transfer.timeout = seconds and seconds * 1000 or transfer.timeout
  return seconds
end

-- Of what is handed out we know the length, if it is handed out as it is.
function negotiate.tsize(transfer, value, request, file)
  if request.opcode == tftp.WRQ then return tftp.integer(value, 0, 2 ^ 40) end
  return transfer.mode == "octet" and uv.fs_fstat(file).size or nil
end

-- The OACK of a request; nil if it has no option that we know.
local function accept(transfer, request, file)
  local list = {}
  for _, option in ipairs(request.options) do
    local apply = negotiate[option[1]]
    local value = apply and apply(transfer, option[2], request, file)
    if value then
      list[#list + 1] = option[1]
      list[#list + 1] = ("%d"):format(value)
    end
  end
  return list[1] and tftp.oack(list)
end

-- Opens the file of a request: one that stands in the directory itself, no link; to
-- take it, one that is not there yet. Returns nil, code and text of an error.
local function open(request, path)
  if not request.name:find("^[%w_][%w._-]*$") then return nil, 2, "Access violation" end
  if not tftp.encoder(request.mode) then return nil, 4, "Unknown mode" end
  if request.opcode == tftp.WRQ then
    local file, err = uv.fs_open(path, "wx", 420) -- 0644
    if file then return file end
    local exists = err:find("^EEXIST")
    return nil, exists and 6 or 2, exists and "File already exists" or "Access violation"
  end
  local found = uv.fs_lstat(path)
  if not found or found.type ~= "file" then return nil, 1, "File not found" end
  local file = uv.fs_open(path, "r", 0)
  return file, 2, "Access violation"
end

-- Carries a request out.
local function carry_out(transfer, request)
  local path = directory .. "/" .. request.name
  local file, code, text = open(request, path)
  if not file then return transfer:refuse(code, text) end
  transfer.mode = request.mode
  local oack = accept(transfer, request, file)
  if request.opcode == tftp.RRQ then
    transfer:send(file, oack)
  elseif not transfer:take(file, oack) then
    os.remove(path)
  end
  uv.fs_close(file)
end

-- Answers a request from a new socket; one that comes again meanwhile is a duplicate.
server:on("message", dgram.async(function(msg, client)
  local request, key = tftp.request(msg), client.address .. " " .. client.port
  if not request or client.port == 0 or busy[key] or count >= MAX_TRANSFERS then return end
  local socket = dgram.createSocket(options)
  busy[key], count = true, count + 1
  carry_out(Transfer.new(socket, client), request)
  busy[key], count = nil, count - 1
  socket:close()
end))

local at = server:bindSync { port = arg[2] or 6969, address = address }

local interrupt = uv.new_signal() -- Ctrl-C
interrupt:unref()
uv.signal_start_oneshot(interrupt, "sigint", function() server:close() end)
print(("listening %s %d"):format(at.address, at.port))
uv.run()
