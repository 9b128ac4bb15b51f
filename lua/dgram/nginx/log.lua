-- SPDX-License-Identifier: MIT
-- What dgram.nginx says in nginx's error log.

local M = { errors = 0 } -- that listeners and handlers raised

M.NO_YIELD = "a listener must not yield: wrap it in dgram.nginx's async(); "

--- Logs an error; nobody else hears of it.
function M.error(err)
  local text = tostring(err)
  if text:find("attempt to yield", 1, true) then text = M.NO_YIELD .. text end
  M.errors = M.errors + 1
  ngx.log(ngx.ERR, "dgram: ", text)
end

--- Logs a warning, in parts.
function M.warn(...)
  ngx.log(ngx.WARN, "dgram: ", ...)
end

return M
