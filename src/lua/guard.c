/* SPDX-License-Identifier: MIT */
/*
 * A guard closes what a forked child inherited, before anything does that would
 * harm its parent.
 */
#include "binding.h"

/* Closes the sockets of a guard in a forked child. */
static int guard_gc(lua_State *L) {
  luaL_checkudata(L, 1, GUARD_TYPE);
  lua_settop(L, 1);
  compat_getenv(L, 1);
  lua_rawgeti(L, 2, 1);
  if (!loop_is_foreign(lua_touserdata(L, 3))) return 0;
  lua_rawgeti(L, 2, 2);
  for (lua_pushnil(L); lua_next(L, 4) != 0; lua_pop(L, 1)) {
    lua_rawgeti(L, 5, CORE_FIELD);
    socket_release(socket_check(L, -1));
    lua_pop(L, 1);
  }
  return 0;
}

/* guard(loop, sockets): to be made and kept after each handle of the adapter.
   When a forked child ends, it is collected before those handles, whose closing
   would take the sockets out of the poller that parent and child share. */
int guard_new(lua_State *L) {
  luaL_checkudata(L, 1, LOOP_TYPE);
  luaL_checktype(L, 2, LUA_TTABLE);
  compat_newuserdata(L, 1);
  lua_createtable(L, 2, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, 2);
  compat_setenv(L, -2);
  luaL_getmetatable(L, GUARD_TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

const luaL_Reg guard_methods[] = {
    {"__gc", guard_gc},
    {NULL, NULL},
};
