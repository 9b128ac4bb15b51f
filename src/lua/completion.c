/* SPDX-License-Identifier: MIT */
/*
 * From completions to callbacks and events, in the socket's turn of the loop.
 */
#include "binding.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Pushes the error of a send that was directed to an address, if any. */
static void push_error(lua_State *L, int index, int error, const Address *to) {
  char text[ADDRESS_TEXT];
  size_t size = to != NULL ? address_text(to, text) : 0;
  int port = to != NULL ? address_port(to) : 0;
  loop_push_hook(L, index, HOOK_FAILURE);
  lua_pushinteger(L, error);
  if (to != NULL) {
    lua_pushlstring(L, text, size);
    lua_pushinteger(L, port);
  }
  lua_call(L, to != NULL ? 4 : 2, 1);
}

/* Calls a callback out of the socket's own table: (err, size, whether it hears of
   more), or (nil, size). The error, if there is one, is on top; nothing is
   allocated before. */
static void call_back(lua_State *L, Socket *s, int table, const Completion *c) {
  callback_take(L, s, table, c->ref);
  if (c->error != 0) lua_insert(L, -2);
  else lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)c->size);
  if (c->error != 0) lua_pushboolean(L, c->ref < 0);
  lua_call(L, c->error != 0 ? 3 : 2, 0);
}

/* Gives the error on top to 'error', if anybody listens. */
static void report_failure(lua_State *L, int index) {
  loop_push_hook(L, index, HOOK_FAILED);
  lua_pushvalue(L, -3);
  lua_call(L, 2, 0);
  lua_pop(L, 1);
}

/* Tells whether a completion is like another, whose destination was copied. */
static int is_like(const Completion *a, const Completion *b) {
  if (a->ref != b->ref || a->error != b->error || a->size != b->size) return 0;
  if (a->to == NULL || b->to == NULL) return a->to == b->to;
  return address_equal(a->to, b->to);
}

/* Tells a failure. Finalizers may run while its error is made, and tell it, with
   what follows, in a turn of theirs: only what still stands is told. */
static void tell_failure(lua_State *L, Socket *s, int index, int table,
                         const Completion *found) {
  Completion c = *found, now;
  Address to;
  Fifo *fifo;
  if (c.to != NULL) {
    memcpy(&to, c.to, offsetof(Address, name) + c.to->length);
    c.to = &to;
  }
  push_error(L, index, c.error, c.to);
  fifo = queue_peek(&s->queue, &now);
  if (fifo == NULL || !is_like(&now, &c)) {
    lua_pop(L, 1);
    return;
  }
  fifo_told(fifo);
  if (c.ref != 0) call_back(L, s, table, &c);
  else report_failure(L, index);
}

/* Tells the completions that stand now; those that come meanwhile wait. */
static void report_now(lua_State *L, Socket *s, int index) {
  size_t left = s->queue.ledger.unreported;
  int table = lua_gettop(L) + 1;
  Completion c;
  Fifo *fifo;
  compat_getenv(L, index);
  while (left-- > 0 && (fifo = queue_peek(&s->queue, &c)) != NULL) {
    if (c.error != 0) {
      tell_failure(L, s, index, table, &c);
      continue;
    }
    fifo_told(fifo);
    call_back(L, s, table, &c);
  }
  lua_pop(L, 1);
}

/* Tells what stands, for a call under protection. */
static int report_all(lua_State *L) {
  report_now(L, lua_touserdata(L, 1), 1);
  return 0;
}

/* Tells the completions that stand; 'close' waits until all were told, also
   when a finalizer runs the loop meanwhile. */
static void report_completions(lua_State *L, Socket *s, int index) {
  int status;
  if (!s->detached) {
    report_now(L, s, index);
    return;
  }
  s->telling++;
  lua_pushcfunction(L, report_all);
  lua_pushvalue(L, index);
  status = lua_pcall(L, 1, 0, 0);
  s->telling--;
  if (status != 0) lua_error(L);
}

/* Tells once of the sends that were refused without a callback. */
static void report_refused(lua_State *L, Socket *s, int index) {
  int error = s->queue.refused;
  if (error == 0) return;
  s->queue.refused = 0;
  push_error(L, index, error, NULL);
  report_failure(L, index);
}

/* Tells of an error that an earlier datagram met at a remote host. */
static void report_async_error(lua_State *L, Socket *s, int index) {
  int error = s->queue.async_error;
  if (error == 0) return;
  s->queue.async_error = 0;
  socket_report_error(L, s, index, error);
}

/* Sets a number in the table on top. */
static void set_number(lua_State *L, const char *field, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, field);
}

/* Pushes a table of what a report tells beside the error and the destination. */
static void push_details(lua_State *L, const Report *r) {
  static const char *const origins[] = {NULL, "local", "icmp", "icmp6"};
  char text[ADDRESS_TEXT];
  lua_createtable(L, 0, 6);
  lua_pushstring(L, origins[r->origin]);
  lua_setfield(L, -2, "origin");
  lua_pushlstring(L, r->data, r->size);
  lua_setfield(L, -2, "data");
  if (r->error == -EMSGSIZE && r->info > 0)
    set_number(L, "mtu", (lua_Integer)r->info);
  if (r->origin == ORIGIN_LOCAL) return;
  set_number(L, "type", (lua_Integer)r->type);
  set_number(L, "icmpCode", (lua_Integer)r->code);
  if (r->offender.length == 0) return;
  lua_pushlstring(L, text, address_text(&r->offender, text));
  lua_setfield(L, -2, "offender");
}

/* Tells what the kernel reports of datagrams that failed on their way. What is
   told is copied first: a listener or a finalizer may close the socket. */
static void report_reports(lua_State *L, Socket *s, int index) {
  int left = reports_count(s->queue.reports);
  char text[ADDRESS_TEXT];
  Report r;
  while (left-- > 0 && reports_take(s->queue.reports, &r)) {
    loop_push_hook(L, index, HOOK_REPORT);
    lua_pushinteger(L, r.error);
    lua_pushlstring(L, text, address_text(&r.to, text));
    lua_pushinteger(L, address_port(&r.to));
    push_details(L, &r);
    lua_call(L, 5, 0);
  }
}

/* Emits 'drain' for each queue that send said no to and that is empty now. */
static void report_drained(lua_State *L, Socket *s, int index) {
  char text[ADDRESS_TEXT];
  Address who;
  queue_note_drained(&s->queue);
  while (queue_drained(&s->queue, &who)) {
    loop_push_hook(L, index, HOOK_DRAIN);
    if (who.length > 0) lua_pushlstring(L, text, address_text(&who, text));
    else lua_pushnil(L);
    lua_call(L, 2, 0);
  }
}

/* Tells of completions, refusals, remote errors and 'drain'; may raise what a
   callback raises. */
void completion_report(lua_State *L, Socket *s, int index) {
  luaL_checkstack(L, 16, NULL);
  report_completions(L, s, index);
  report_refused(L, s, index);
  report_async_error(L, s, index);
  report_reports(L, s, index);
  report_drained(L, s, index);
}

/* report(): tells the completions that stand now. */
static int report(lua_State *L) {
  Socket *s = socket_check(L, 1);
  lua_settop(L, 1);
  report_completions(L, s, 1);
  return 0;
}

const luaL_Reg completion_methods[] = {
    {"report", report},
    {NULL, NULL},
};
