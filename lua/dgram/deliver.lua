-- SPDX-License-Identifier: MIT
-- For LuaJIT alone: makes rinfo and calls the listener, so that both are compiled as
-- one, which takes a third of the time that the core takes. Other interpreters are
-- faster in the core.
--
-- Any allocation may run a finalizer, in compiled code ahead of all that it does. What
-- the finalizer runs does not deliver the next datagram while `_making` is true, as it is
-- but for the time of the listener (the core sets it first, and when a listener raised);
-- if it paused or closed the socket this returns true, and the core keeps the datagram.
return function(socket, listener, msg, address, family, size, port)
  local rinfo = { address = address, family = family, size = size, port = port }
  if socket._closed or not socket._reading then return true end
  socket._making = false
  listener(msg, rinfo)
  socket._making = true
end
