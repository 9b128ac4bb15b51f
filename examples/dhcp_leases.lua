-- The addresses that a DHCP server gives away on a link, and who has which until when;
-- for dhcp_server.lua.
--
--   local leases = Leases.new { "10.7.0.100", "10.7.0.101" }
--   local address = leases:find(client)
--   if address then leases:give(client, address, 600) end
local Leases = {}
Leases.__index = Leases

--- Makes a pool of these addresses; nobody has one.
function Leases.new(addresses)
  local self = setmetatable({ addresses = addresses, by_address = {} }, Leases)
  for _, address in ipairs(addresses) do self.by_address[address] = { ends = 0 } end
  return self
end

--- Returns whether a client may have an address: it is of the pool, and nobody else's now.
function Leases:may_have(client, address)
  local lease = self.by_address[address]
  return lease ~= nil and (lease.client == client or lease.ends <= os.time())
end

--- Returns an address for a client: its own, the one it asks for, any; nil if all are
--- taken.
function Leases:find(client, requested)
  for address, lease in pairs(self.by_address) do
    if lease.client == client then return address end
  end
  if self:may_have(client, requested) then return requested end
  for _, address in ipairs(self.addresses) do
    if self:may_have(client, address) then return address end
  end
end

--- Gives a client an address for some seconds, and takes back any other that it has.
--- What it has for longer stays so.
function Leases:give(client, address, seconds)
  local ends = os.time() + seconds
  for other, lease in pairs(self.by_address) do
    if lease.client == client then
      if other == address then ends = math.max(ends, lease.ends) end
      self.by_address[other] = { ends = 0 }
    end
  end
  self.by_address[address] = { client = client, ends = ends }
end

--- Leaves an address to nobody until the client's lease of it ends: another one has it.
function Leases:decline(client, address)
  local lease = self.by_address[address]
  if lease and lease.client == client then lease.client = nil end
end

--- Takes an address back; the client gets the same again as long as nobody else has.
function Leases:release(client, address)
  local lease = self.by_address[address]
  if lease and lease.client == client then lease.ends = 0 end
end

return Leases
