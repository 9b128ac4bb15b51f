/* SPDX-License-Identifier: MIT */
/*
 * What the core knows of a loop: the facade's hooks, and the list of sockets
 * that want a turn (something to flush, to tell, or to deliver). The list is a
 * Lua table, so it keeps its sockets alive; turn.c serves it.
 */
#include "binding.h"

#include <string.h>

/* Pushes the table of the loop of the socket at an index. */
void loop_push_table(lua_State *L, int index) {
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_LOOP);
  compat_getenv(L, -1);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* Tells whether this process is a child forked from the loop's own. */
int loop_is_foreign(const Loop *loop) { return loop->process != system_process(); }

/* Pushes a hook of the socket's loop and the socket's owner. */
void loop_push_hook(lua_State *L, int index, int hook) {
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_LOOP);
  compat_getenv(L, -1);
  lua_rawgeti(L, -1, hook);
  lua_rawgeti(L, -4, SLOT_OWNER);
  lua_replace(L, -4);
  lua_replace(L, -4);
  lua_pop(L, 1);
}

/* Asks the adapter for a turn before the loop blocks; index is a socket's. */
void loop_request_turn(lua_State *L, Loop *loop, int index) {
  if (loop->turn_requested) return;
  loop_push_hook(L, index, HOOK_START);
  lua_call(L, 1, 0);
  loop->turn_requested = 1;
}

/* loop(hooks): makes a loop; the hooks are functions of the facade. */
int loop_new(lua_State *L) {
  static const char *const names[] = {"start", "stop",   "update",   "retry",
                                      "error", "report", "failure",  "failed",
                                      "drain", "closed", "traceback", "deliver"};
  Loop *loop;
  int i;
  luaL_checktype(L, 1, LUA_TTABLE);
  loop = compat_newuserdata(L, sizeof *loop);
  memset(loop, 0, sizeof *loop);
  loop->state = state_open(L);
  loop->process = system_process();
  luaL_getmetatable(L, LOOP_TYPE);
  lua_setmetatable(L, -2);
  lua_createtable(L, HOOK_LIST, 0);
  for (i = 0; i < HOOK_LIST - 1; i++) {
    lua_getfield(L, 1, names[i]);
    loop->delivers = !lua_isnil(L, -1); /* of the last, in the end */
    lua_rawseti(L, -2, i + 1);
  }
  lua_newtable(L);
  lua_rawseti(L, -2, HOOK_LIST);
  compat_setenv(L, -2);
  return 1;
}

/* foreign(): true in a child forked from the process that made the loop. */
static int foreign(lua_State *L) {
  lua_pushboolean(L, loop_is_foreign(luaL_checkudata(L, 1, LOOP_TYPE)));
  return 1;
}

/* Marks the loop as ended: the Lua state is closing, and what an adapter still
   calls finds sockets that are gone. */
static int loop_gc(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  loop->ended = 1;
  return 0;
}

/* ended(): true when the Lua state is closing. */
static int ended(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  lua_pushboolean(L, loop->ended);
  return 1;
}

const luaL_Reg loop_methods[] = {
    {"__gc", loop_gc},
    {"ended", ended},
    {"foreign", foreign},
    {NULL, NULL},
};
