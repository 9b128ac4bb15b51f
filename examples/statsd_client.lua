-- A StatsD client: sends metrics to a port or a unix socket, as many a datagram as
-- an Ethernet takes. For shell scripts; what nobody hears is no error.
--   lua5.4 examples/statsd_client.lua [HOST:]PORT|PATH METRIC...
--   lua5.4 examples/statsd_client.lua 8125 'backups:1|c' 'backup.size:17|g'
local dgram = require "dgram"
local uv = require "luv"

local MOST = 1432 -- bytes a datagram: 1500 less the headers of IPv6, or a tunnel

local to = table.remove(arg, 1)
assert(to and arg[1], "usage: statsd_client.lua [HOST:]PORT|PATH METRIC...")

-- Joins lines to datagrams, none of which is cut up on its way.
local function pack(lines)
  local datagrams, last = {}, nil
  for _, line in ipairs(lines) do
    if last and #last + 1 + #line <= MOST then
      last = last .. "\n" .. line
    else
      last = line
      datagrams[#datagrams + 1] = last
    end
    datagrams[#datagrams] = last
  end
  return datagrams
end

local host, port = to:match("^([^:/]+):(%d+)$")
port = port or to:match("^%d+$")
local socket = dgram.createSocket(port and "udp4" or "unix_dgram")

-- Tells what became of it.
local function report(err, count)
  print(err and err.message or ("sent %d metrics in %d datagrams"):format(#arg, count))
  socket:close()
end

if port then
  socket:sendMany(pack(arg), port, host, report)
else
  socket:sendMany(pack(arg), to, report)
end
uv.run()
