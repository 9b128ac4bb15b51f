-- "min": only what Lua 5.1 to 5.5 and LuaJIT have in common.
std = "min"
max_line_length = 100
cache = false
color = false
exclude_files = { "build", ".luarocks", "lua_modules" }

files["spec"].std = "max+busted"
files["*.rockspec"].std = "rockspec"
files[".luacheckrc"].std = "luacheckrc"
files["lua/dgram/nginx*"].globals = { "ngx", "coroutine", "newproxy" }
files["**/openresty"].read_globals = { "ngx" }
files["**/haproxy"].read_globals = { "core" }
files["**/haproxy"].std = "lua53"
files["**/prosody"].read_globals = { "prosody" }
files["**/prosody"].globals = { "module" }
files["**/prosody.cfg.lua"].ignore = { "1" } -- its settings are globals
files["spec/nginx"].read_globals = { "ngx" }
files["**/neovim"].globals = { "vim" }
