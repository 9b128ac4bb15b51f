/* SPDX-License-Identifier: MIT */
/*
 * The core's side of the loop adapter: the list of sockets that want a turn
 * (something to flush, to report, or to deliver), and the turn itself. The
 * list is a Lua table, so it keeps its sockets alive.
 */
#include "core.h"

#include <string.h>
#include <unistd.h>

/* Pushes the table of a socket's loop. */
static void push_loop_table(lua_State *L, int index) {
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_LOOP);
  compat_getenv(L, -1);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* Tells whether this process is a child forked from the loop's own. */
int loop_foreign(const Loop *loop) { return loop->process != getpid(); }

/* Pushes a hook of the socket's loop and the socket's owner. */
void loop_hook(lua_State *L, int index, int hook) {
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_LOOP);
  compat_getenv(L, -1);
  lua_rawgeti(L, -1, hook);
  lua_rawgeti(L, -4, SLOT_OWNER);
  lua_replace(L, -4);
  lua_replace(L, -4);
  lua_pop(L, 1);
}

/* Asks the adapter for a turn before it blocks. */
void loop_start(lua_State *L, Socket *s, int index) {
  if (s->loop->hooked) return;
  loop_hook(L, index, HOOK_START);
  lua_call(L, 1, 0);
  s->loop->hooked = 1;
}

/* Puts a socket into the list, unless it is there. */
void loop_add(lua_State *L, Socket *s, int index) {
  Loop *loop = s->loop;
  if (s->pending) return;
  push_loop_table(L, index);
  lua_rawgeti(L, -1, HOOK_LIST);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, (int)(loop->tail + 1));
  loop->tail++;
  lua_pop(L, 2);
  s->pending = 1;
}

/* Takes the first socket off the list. */
static void loop_step(lua_State *L, Loop *loop, int list) {
  lua_pushnil(L);
  lua_rawseti(L, list, (int)++loop->head);
  loop->steps++;
  if (loop->head == loop->tail) loop->head = loop->tail = 0;
}

/* Flushes every socket of the list; those with more to do stay in it. */
static void sweep(lua_State *L, Loop *loop, int list) {
  lua_Integer left = loop->tail - loop->head;
  while (left-- > 0 && loop->head < loop->tail) {
    Socket *s;
    lua_rawgeti(L, list, (int)(loop->head + 1));
    s = lua_touserdata(L, -1);
    loop_step(L, loop, list);
    s->pending = 0;
    output_new_turn(s);
    if (s->fd >= 0) output_flush(L, s, lua_gettop(L));
    if (output_due(s)) loop_add(L, s, lua_gettop(L));
    lua_pop(L, 1);
  }
}

/* Ends a receive batch: what its listeners sent goes out. */
void loop_sweep(lua_State *L, int index) {
  Socket *s = lua_touserdata(L, index);
  Loop *loop = s->loop;
  if (loop->tail > 0) {
    push_loop_table(L, index);
    lua_rawgeti(L, -1, HOOK_LIST);
    sweep(L, loop, lua_gettop(L));
    lua_pop(L, 2);
  }
  if (loop->tail > 0) {
    loop_start(L, s, index);
  } else if (loop->hooked && !loop->busy) {
    loop->hooked = 0;
    loop_hook(L, index, HOOK_STOP);
    lua_call(L, 1, 0);
  }
}

/* Gives the first socket its turn: flush, report, deliver. */
static void loop_serve(lua_State *L, Loop *loop, int list) {
  unsigned step = loop->steps;
  Socket *s;
  lua_rawgeti(L, list, (int)(loop->head + 1));
  s = lua_touserdata(L, -1);
  output_new_turn(s);
  verdict_turn(L, s, lua_gettop(L));
  if (s->batch != NULL && s->reading) input_resume(L, lua_gettop(L));
  if (step == loop->steps) {
    loop_step(L, loop, list);
    s->pending = 0;
  }
  if (output_due(s)) loop_add(L, s, lua_gettop(L));
  lua_settop(L, list);
}

/* turn(): serves the sockets that are listed now. */
static int loop_turn(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  lua_Integer left = loop->tail - loop->head;
  lua_settop(L, 1);
  compat_getenv(L, 1);
  lua_rawgeti(L, 2, HOOK_LIST);
  while (left-- > 0 && loop->head < loop->tail) loop_serve(L, loop, 3);
  input_trim(loop->state, 1);
  return 0;
}

/* rest(): true when no socket wants a turn, so that the adapter may stop. */
static int rest(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  loop->hooked = loop->tail > loop->head;
  lua_pushboolean(L, !loop->hooked);
  return 1;
}

/* loop(hooks): makes a loop; the hooks are functions of the adapter. */
int loop_new(lua_State *L) {
  static const char *const names[] = {"start", "stop",   "watch", "retry",
                                      "error", "failed", "drain", "traceback"};
  Loop *loop;
  int i;
  luaL_checktype(L, 1, LUA_TTABLE);
  loop = compat_newuserdata(L, sizeof *loop);
  memset(loop, 0, sizeof *loop);
  loop->state = core_state(L);
  loop->process = getpid();
  luaL_getmetatable(L, LOOP_TYPE);
  lua_setmetatable(L, -2);
  lua_createtable(L, HOOK_LIST, 0);
  for (i = 0; i < HOOK_LIST - 1; i++) {
    lua_getfield(L, 1, names[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_newtable(L);
  lua_rawseti(L, -2, HOOK_LIST);
  compat_setenv(L, -2);
  return 1;
}

/* foreign(): true in a child forked from the process that made the loop. */
static int foreign(lua_State *L) {
  lua_pushboolean(L, loop_foreign(luaL_checkudata(L, 1, LOOP_TYPE)));
  return 1;
}

/* Closes the sockets of a guard in a forked child. */
static int guard_gc(lua_State *L) {
  Loop *loop;
  luaL_checkudata(L, 1, GUARD_TYPE);
  lua_settop(L, 1);
  compat_getenv(L, 1);
  lua_rawgeti(L, 2, 1);
  loop = lua_touserdata(L, 3);
  if (!loop_foreign(loop)) return 0;
  lua_rawgeti(L, 2, 2);
  for (lua_pushnil(L); lua_next(L, 4) != 0; lua_pop(L, 1)) {
    lua_rawgeti(L, 5, 1);
    socket_release(socket_check(L, -1));
    lua_pop(L, 1);
  }
  return 0;
}

/* guard(sockets): to be made and kept after each handle of the adapter. When a
   forked child ends, it is collected before those handles, whose closing would
   take the sockets out of the poller that parent and child share. */
static int guard_new(lua_State *L) {
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
    {"__gc", loop_gc},    {"ended", ended},    {"guard", guard_new},
    {"foreign", foreign}, {"turn", loop_turn}, {"rest", rest},
    {NULL, NULL},
};
