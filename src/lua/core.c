/* SPDX-License-Identifier: MIT */
/*
 * The module `dgram.core`: its metatables, and the functions that belong to no
 * object.
 */
#include "binding.h"

#include <string.h>

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

/* Pushes an array of the fields that rinfo may have besides the four. */
static void push_fields(lua_State *L) {
  int kind;
  lua_createtable(L, INFO_KINDS, 0);
  for (kind = 0; kind < INFO_KINDS; kind++) {
    lua_pushstring(L, system_info[kind].name);
    lua_rawseti(L, -2, kind + 1);
  }
}

/* closeOnExec(fd): has a descriptor closed in programs that are executed. */
static int close_on_exec(lua_State *L) {
  return push_result(L, system_close_on_exec((int)luaL_checkinteger(L, 1)));
}

/* pid(): the number of this process. */
static int process(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)system_process());
  return 1;
}

static const luaL_Reg functions[] = {
    {"loop", loop_new},
    {"socket", socket_new},
    {"kind", socket_kind},
    {"closeOnExec", close_on_exec},
    {"pid", process},
    {"blocklist", blocker_new},
    {"sender", output_sender},
    {"total", output_total},
    {"supports", way_supports},
    {"isSource", way_is_source},
    {"anchor", anchor},
    {"literal", literal},
    {"errname", errname},
    {"errno", errnumber},
    {"strerror", errtext},
    {"watcher", poller_watcher},
    {"poll", poller_poll},
    {"now", poller_now},
    {"resolve", poller_resolve},
    {"guard", guard_new},
    {NULL, NULL},
};

/* Loads the module. */
int luaopen_dgram_core(lua_State *L);
int luaopen_dgram_core(lua_State *L) {
  const luaL_Reg *const sockets[] = {socket_methods,      option_methods,
                                     output_methods,      completion_methods,
                                     turn_socket_methods, NULL};
  const luaL_Reg *const loops[] = {loop_methods, turn_methods, NULL};
  const luaL_Reg *const blockers[] = {blocker_methods, NULL};
  const luaL_Reg *const guards[] = {guard_methods, NULL};
  const luaL_Reg *const watchers[] = {watcher_methods, NULL};
  const luaL_Reg *const descriptors[] = {descriptor_methods, NULL};
  const luaL_Reg *const passed[] = {passed_methods, NULL};
  system_stay_loaded(functions);
  system_start();
  state_make(L);
  input_make(L);
  make_type(L, SOCKET_TYPE, sockets);
  make_type(L, LOOP_TYPE, loops);
  make_type(L, BLOCKLIST_TYPE, blockers);
  make_type(L, GUARD_TYPE, guards);
  make_type(L, WATCHER_TYPE, watchers);
  make_type(L, DESCRIPTOR_TYPE, descriptors);
  make_type(L, PASSED_TYPE, passed);
  lua_newtable(L);
  compat_setfuncs(L, functions);
  luaL_getmetatable(L, DESCRIPTOR_TYPE);
  lua_setfield(L, -2, "DESCRIPTOR");
  lua_pushinteger(L, CORE_FIELD);
  lua_setfield(L, -2, "FIELD");
  push_fields(L);
  lua_setfield(L, -2, "INFO");
  return 1;
}
