-- SPDX-License-Identifier: MIT
-- The sockets that requests of nginx have made, and their iterators of dgram.on: what
-- a request leaves open is closed once it has ended.

local log = require "dgram.nginx.log"

local M = {}

-- The phases that are a request's.
local REQUEST = {
  rewrite = true, access = true, content = true, server_rewrite = true,
  header_filter = true, body_filter = true, balancer = true,
}

-- Below, a socket may be an iterator, too.
local ended = {}  -- the sockets of requests that have ended, table by table
local owners = setmetatable({}, { __mode = "k" }) -- the table a socket is in

-- Makes the table of a request's sockets. What is collected with the request's
-- ngx.ctx passes it on.
local function sockets_of(context)
  local owned = context.dgram_sockets
  if owned then return owned.sockets end
  owned = { sockets = setmetatable({}, { __mode = "k" }), guard = newproxy(true) }
  getmetatable(owned.guard).__gc = function() ended[#ended + 1] = owned.sockets end
  context.dgram_sockets = owned
  return owned.sockets
end

--- Notes a socket that was opened, or an iterator, if a request made it.
function M.note(socket)
  if owners[socket] ~= nil or not REQUEST[ngx.get_phase()] then return end
  owners[socket] = sockets_of(ngx.ctx)
  owners[socket][socket] = true
end

--- Closes what requests that have ended left open.
function M.close_ended()
  local count = 0
  while ended[1] do
    for socket in pairs(table.remove(ended)) do
      if not socket._closed then
        if socket.type then count = count + 1 end -- it is no iterator
        socket:close()
      end
    end
  end
  if count > 0 then
    log.warn("closed ", count, " sockets that requests had left open: close them ",
      "there, or keep() them")
  end
end

--- Tells whether requests have open sockets.
function M.have_sockets()
  for socket in pairs(owners) do
    if owners[socket] and not socket._closed then return true end
  end
end

--- Lets a socket that was made in a request outlive it; returns the socket.
function M.keep(socket)
  if owners[socket] then owners[socket][socket] = nil end
  owners[socket] = false
  return socket
end

return M
