/* SPDX-License-Identifier: MIT */
/*
 * From the kernel's verdicts to callbacks and events, in the socket's turn of
 * the loop.
 */
#include "core.h"

/* Pushes the callback of a reference; forgets it unless more share it. */
static void take_callback(lua_State *L, int index, int ref) {
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_CALLBACKS);
  lua_rawgeti(L, -1, ref > 0 ? ref : -ref);
  if (ref > 0) luaL_unref(L, -2, ref);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* Tells one verdict: success to the callback, failure through the facade. */
static void tell(lua_State *L, int index, const Verdict *v) {
  char text[ADDRESS_TEXT];
  int port = v->to != NULL ? address_port(v->to) : 0;
  if (v->ref != 0 && v->error == 0) {
    take_callback(L, index, v->ref);
    lua_pushnil(L);
    lua_pushinteger(L, (lua_Integer)v->size);
    lua_call(L, 2, 0);
    return;
  }
  loop_hook(L, index, HOOK_FAILED);
  if (v->ref != 0) take_callback(L, index, v->ref);
  else lua_pushnil(L);
  lua_pushinteger(L, v->error);
  lua_pushinteger(L, (lua_Integer)v->size);
  lua_pushboolean(L, v->ref < 0);
  if (v->to != NULL) {
    lua_pushlstring(L, text, address_text(v->to, text));
    lua_pushinteger(L, port);
  }
  lua_call(L, v->to != NULL ? 7 : 5, 0);
}

/* Tells the verdicts that stand now; those that come meanwhile wait. */
static void report_now(lua_State *L, Socket *s, int index) {
  size_t left = queue_load(&s->queue).unreported;
  Verdict v;
  while (left-- > 0 && queue_report(&s->queue, &v)) tell(L, index, &v);
}

/* Tells once of the sends that were refused without a callback. */
static void report_refused(lua_State *L, Socket *s, int index) {
  int error = s->refused;
  if (error == 0) return;
  s->refused = 0;
  loop_hook(L, index, HOOK_FAILED);
  lua_pushnil(L);
  lua_pushinteger(L, error);
  lua_call(L, 3, 0);
}

/* Tells of an error that an earlier datagram caused at a remote host. */
static void report_remote(lua_State *L, Socket *s, int index) {
  int error = s->queue.remote;
  if (error == 0) return;
  s->queue.remote = 0;
  loop_hook(L, index, HOOK_ERROR);
  lua_pushinteger(L, error);
  lua_call(L, 2, 0);
}

/* A socket's turn: flush, verdicts, remote errors, 'drain'; may raise. */
void verdict_turn(lua_State *L, Socket *s, int index) {
  luaL_checkstack(L, 16, NULL);
  if (s->fd >= 0) output_flush(L, s, index);
  report_now(L, s, index);
  report_refused(L, s, index);
  report_remote(L, s, index);
  if (!s->over || queue_load(&s->queue).live > 0) return;
  s->over = 0;
  loop_hook(L, index, HOOK_DRAIN);
  lua_call(L, 1, 0);
}

/* report(): tells the verdicts that stand now. */
static int report(lua_State *L) {
  Socket *s = socket_check(L, 1);
  lua_settop(L, 1);
  report_now(L, s, 1);
  return 0;
}

const luaL_Reg verdict_methods[] = {
    {"report", report},
    {NULL, NULL},
};
