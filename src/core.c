/* SPDX-License-Identifier: MIT */
/*
 * The module `dgram.core`: what a Lua state shares, the metatables, and the
 * functions that belong to no object.
 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#define STATE_KEY "dgram.core.state"

/* Returns what the Lua state shares. */
State *core_state(lua_State *L) {
  State *state;
  lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  state = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return state;
}

/* Pushes the table with the strings the Lua state shares. */
void core_push_state_table(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  compat_getenv(L, -1);
  lua_replace(L, -2);
}

/* Returns nil and a negative errno to Lua. */
int core_failure(lua_State *L, int error) {
  lua_pushnil(L);
  lua_pushinteger(L, error);
  return 2;
}

/* Returns true, or nil and the negative errno that status is. */
int core_result(lua_State *L, int status) {
  if (status < 0) return core_failure(L, status);
  lua_pushboolean(L, 1);
  return 1;
}

/* Frees what the Lua state shared. */
static int state_gc(lua_State *L) {
  State *state = lua_touserdata(L, 1);
  input_trim(state, 0);
  pool_free(&state->pool);
  return 0;
}

/* Makes the shared state, unless the module was loaded before. */
static void make_state(lua_State *L) {
  static const char *const strings[] = {"address", "family", "port", "size",
                                        "IPv4",    "IPv6",   "unix"};
  int i;
  if (core_state(L) != NULL) return;
  memset(compat_newuserdata(L, sizeof(State)), 0, sizeof(State));
  lua_createtable(L, KEY_SENDERS, 0);
  for (i = 0; i < KEY_SENDERS - 1; i++) {
    lua_pushstring(L, strings[i]);
    lua_rawseti(L, -2, i + 1);
  }
  compat_setenv(L, -2);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, STATE_KEY);
}

/* Makes a metatable whose methods are its own fields. */
static void make_type(lua_State *L, const char *name,
                      const luaL_Reg *const *lists) {
  luaL_newmetatable(L, name);
  for (; *lists != NULL; lists++) compat_setfuncs(L, *lists);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

/* anchor(thread): keeps a thread for as long as the Lua state lives. */
static int anchor(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "dgram.core.thread");
  return 0;
}

/* literal(text): 4 or 6 for a numeric address of that family, else nil. */
static int literal(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  int family = strlen(text) == size ? address_literal(text) : 0;
  if (family == 0) return 0;
  lua_pushinteger(L, family);
  return 1;
}

/* errname(errno): the symbol of a negative errno, "EINVAL". */
static int errname(lua_State *L) {
  lua_pushstring(L, errno_name((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* strerror(errno): the text of a negative errno. */
static int errtext(lua_State *L) {
  lua_pushstring(L, strerror(-(int)luaL_checkinteger(L, 1)));
  return 1;
}

/* errno(name): the negative errno of a symbol, nil when unknown. */
static int errnumber(lua_State *L) {
  int error = errno_number(luaL_checkstring(L, 1));
  if (error == 0) return 0;
  lua_pushinteger(L, error);
  return 1;
}

static const luaL_Reg functions[] = {
    {"loop", loop_new},          {"socket", socket_new},
    {"blocklist", blocker_new},  {"sender", output_sender},
    {"total", output_total},     {"anchor", anchor},
    {"literal", literal},        {"errname", errname},
    {"errno", errnumber},        {"strerror", errtext},
    {"poll", poller_poll},       {"now", poller_now},
    {"resolve", poller_resolve}, {NULL, NULL},
};

/* Loads the module. */
int luaopen_dgram_core(lua_State *L);
int luaopen_dgram_core(lua_State *L) {
  const luaL_Reg *const sockets[] = {socket_methods, option_methods,
                                     output_methods, verdict_methods, NULL};
  const luaL_Reg *const loops[] = {loop_methods, NULL};
  const luaL_Reg *const blockers[] = {blocker_methods, NULL};
  const luaL_Reg *const guards[] = {guard_methods, NULL};
  make_state(L);
  make_type(L, SOCKET_TYPE, sockets);
  make_type(L, LOOP_TYPE, loops);
  make_type(L, BLOCKLIST_TYPE, blockers);
  make_type(L, GUARD_TYPE, guards);
  lua_newtable(L);
  compat_setfuncs(L, functions);
  return 1;
}
