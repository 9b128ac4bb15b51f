/* SPDX-License-Identifier: MIT */
/*
 * The spelling differences between Lua 5.1 ... 5.5 and LuaJIT: macros only.
 */
#ifndef DGRAM_COMPAT_H
#define DGRAM_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

/* A userdata's own table: environment, user value, first user value. */
#if LUA_VERSION_NUM >= 504
#define compat_newuserdata(L, size) lua_newuserdatauv(L, size, 1)
#define compat_getenv(L, i) lua_getiuservalue(L, i, 1)
#define compat_setenv(L, i) lua_setiuservalue(L, i, 1)
#elif LUA_VERSION_NUM >= 502
#define compat_newuserdata(L, size) lua_newuserdata(L, size)
#define compat_getenv(L, i) lua_getuservalue(L, i)
#define compat_setenv(L, i) lua_setuservalue(L, i)
#else
#define compat_newuserdata(L, size) lua_newuserdata(L, size)
#define compat_getenv(L, i) lua_getfenv(L, i)
#define compat_setenv(L, i) lua_setfenv(L, i)
#endif

/* A count: lua_Integer may have 32 bits where it is no number of its own. */
#if LUA_VERSION_NUM >= 503
#define compat_pushcount(L, n) lua_pushinteger(L, (lua_Integer)(n))
#else
#define compat_pushcount(L, n) lua_pushnumber(L, (lua_Number)(n))
#endif

#if LUA_VERSION_NUM == 501
#define compat_setfuncs(L, list) luaL_register(L, NULL, list)
#define compat_rawlen(L, i) lua_objlen(L, i)
#define compat_isinteger(L, i)      \
  (lua_type(L, i) == LUA_TNUMBER && \
   lua_tonumber(L, i) == (lua_Number)lua_tointeger(L, i))
#else
#define compat_setfuncs(L, list) luaL_setfuncs(L, list, 0)
#define compat_rawlen(L, i) lua_rawlen(L, i)
#if LUA_VERSION_NUM >= 503
#define compat_isinteger(L, i) lua_isinteger(L, i)
#else
#define compat_isinteger(L, i)      \
  (lua_type(L, i) == LUA_TNUMBER && \
   lua_tonumber(L, i) == (lua_Number)lua_tointeger(L, i))
#endif
#endif

#endif
