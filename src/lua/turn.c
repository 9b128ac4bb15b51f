/* SPDX-License-Identifier: MIT */
/*
 * Where the loop enters the core: a socket is ready, or its turn has come. A
 * readiness reads and delivers, then what the listeners sent goes out; a turn
 * flushes, tells completions, and delivers what an earlier readiness left.
 */
#include "binding.h"

#define BUSY_ROUNDS 64 /* readings in a row, before other sockets have a turn */
#define DEEPEST 8 /* wake-ups within wake-ups: listeners may run the loop */

/* Takes the first socket off the list. */
static void take_off(lua_State *L, Loop *loop, int list) {
  lua_pushnil(L);
  lua_rawseti(L, list, LOOP_KEY(loop->head));
  loop->head++;
  loop->steps++;
  if (loop->head == loop->tail) loop->head = loop->tail = 0;
}

/* Flushes the sockets of the list; those with more to do stay in it. */
static void flush_list(lua_State *L, Loop *loop, int list) {
  unsigned left = loop->tail - loop->head;
  while (left-- > 0 && loop->head != loop->tail) {
    Socket *s;
    lua_rawgeti(L, list, LOOP_KEY(loop->head));
    s = lua_touserdata(L, -1);
    take_off(L, loop, list);
    s->listed = 0;
    output_new_turn(s);
    if (s->fd >= 0) output_flush(L, s, lua_gettop(L));
    if (socket_is_due(s)) socket_list(L, s, lua_gettop(L));
    lua_pop(L, 1);
  }
}

/* Ends a receive batch: what its listeners sent goes out. */
static void flush_listed(lua_State *L, Loop *loop, int index) {
  if (loop->tail != loop->head) {
    loop_push_table(L, index);
    lua_rawgeti(L, -1, HOOK_LIST);
    flush_list(L, loop, lua_gettop(L));
    lua_pop(L, 2);
  }
  if (loop->tail != loop->head) {
    loop_request_turn(L, loop, index);
  } else if (loop->turn_requested && !loop->delivering) {
    loop->turn_requested = 0;
    loop_push_hook(L, index, HOOK_STOP);
    lua_call(L, 1, 0);
  }
}

/* Pushes the message handler of listeners, or nil; the socket is at an index. */
static void push_handler(lua_State *L, int index) {
  loop_push_hook(L, index, HOOK_TRACEBACK);
  lua_pop(L, 1);
}

/* Reads and delivers under protection; returns the status, an error on top. Takes
   the message handler, input_serve and the socket off the stack. */
static int serve_readable(lua_State *L, Socket *s) {
  int handler = lua_gettop(L) - 2;
  int status = lua_pcall(L, 1, 0, lua_isnil(L, handler) ? 0 : handler);
  s->making = MAKING_NOTHING;
  s->loop->more = 0;
  s->heard_name[0] = '\0';
  if (status != 0) lua_replace(L, handler);
  else lua_pop(L, 1);
  return status;
}

/* Has the loop watch on: one that was told of an error may have stopped to. */
static void watch_on(lua_State *L, const Socket *s) {
  if (s->fd < 0) return;
  loop_push_hook(L, 1, HOOK_UPDATE);
  lua_call(L, 1, 0);
}

/* Tells whether the loop, which names no error, says that there is room to send,
   and nothing else. */
static int is_only_writable(lua_State *L) {
  const char *events = lua_tostring(L, 2);
  return events != NULL && events[0] == 'w' && events[1] == '\0';
}

/* Takes the errors of a socket that does not read, which would wake it on and on:
   they are told in its turn. */
static void take_errors(Socket *s) {
  int error;
  if (s->detached) return;
  input_read_errors(s);
  error = system_error(s->fd);
  if (error == 0) return;
  s->queue.async_error = error;
  s->queue.ledger.async_errors++;
}

/* Reads and delivers what came to the socket at 1; returns the status, an error on
   top. */
static int read_ready(lua_State *L, Socket *s) {
  int status = 0;
  if (s->reading) {
    s->loop->delivering++;
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, 1);
    status = serve_readable(L, s);
    s->loop->delivering--;
  } else take_errors(s);
  if (socket_is_due(s)) socket_list(L, s, 1);
  return status;
}

/* Tells whether more came to a socket that looks on for a while. */
static int busy_poll(const Socket *s) {
  return s->busy_poll > 0 && s->fd >= 0 && s->reading && s->batch == NULL &&
         !s->detached && system_spin(s->fd, s->busy_poll);
}

/* Reads, delivers, and hands over what the listeners sent; again while more
   comes, if the socket looks on. Returns the status, an error on top. */
static int serve_ready(lua_State *L, Socket *s) {
  int status, rounds = BUSY_ROUNDS;
  do {
    status = read_ready(L, s);
    flush_listed(L, s->loop, 1);
  } while (status == 0 && busy_poll(s) && --rounds > 0);
  return status;
}

/* Answers the loop's readiness: (err, events). Upvalues: the socket until it is
   dismissed, input_serve, and the message handler. */
static int on_readiness(lua_State *L) {
  Socket *s = lua_touserdata(L, lua_upvalueindex(1));
  int status = 0, failed = !lua_isnoneornil(L, 1);
  int only_writable = !failed && is_only_writable(L);
  if (s == NULL || s->fd < 0) return 0;
  if (loop_is_foreign(s->loop))
    return luaL_error(L, "socket belongs to the process that forked this one");
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  if (s->queue.wait == WAIT_WRITABLE) output_resume(L, s, 1, WAIT_WRITABLE);
  if (s->loop->delivering >= DEEPEST || input_is_making(L, s, 1))
    return 0;
  if (only_writable) flush_listed(L, s->loop, 1);
  else status = serve_ready(L, s);
  if (failed) watch_on(L, s);
  return status != 0 ? lua_error(L) : 0;
}

/* Makes that closure for the socket at 1, and keeps it in the socket's table at 2. */
static void make_poller(lua_State *L) {
  lua_pushvalue(L, 1);
  input_push_serve(L);
  push_handler(L, 1);
  lua_pushcclosure(L, on_readiness, 3);
  lua_pushvalue(L, -1);
  lua_rawseti(L, 2, SLOT_POLLER);
}

/* poller(): the closure to hand to the loop as the callback of a poll. What is read
   next is all there is: a wait whose time is over looks once, without the loop. */
static int poller(lua_State *L) {
  socket_ask_all(socket_check(L, 1));
  lua_settop(L, 1);
  compat_getenv(L, 1);
  lua_rawgeti(L, 2, SLOT_POLLER);
  if (lua_isnil(L, 3)) make_poller(L);
  return 1;
}

/* dismiss(): the loop's handle is closed, and what poller() made knows the socket no
   more: LuaJIT's compiled code holds each closure of C that it has called. */
static int dismiss(lua_State *L) {
  socket_check(L, 1);
  lua_settop(L, 1);
  compat_getenv(L, 1);
  lua_rawgeti(L, 2, SLOT_POLLER);
  if (lua_isnil(L, 3)) return 0;
  lua_pushnil(L);
  lua_setupvalue(L, 3, 1);
  lua_pushnil(L);
  lua_rawseti(L, 2, SLOT_POLLER);
  return 0;
}

const luaL_Reg turn_socket_methods[] = {
    {"dismiss", dismiss},
    {"poller", poller},
    {NULL, NULL},
};

/* Gives a socket its turn: flush, tell, deliver; may raise. */
static void serve(lua_State *L, Socket *s, int index) {
  luaL_checkstack(L, 16, NULL);
  output_new_turn(s);
  if (s->fd >= 0) output_flush(L, s, index);
  completion_report(L, s, index);
  if (s->batch == NULL || !s->reading || input_is_making(L, s, index)) return;
  push_handler(L, index);
  input_push_serve(L);
  lua_pushvalue(L, index);
  if (serve_readable(L, s) != 0) lua_error(L);
}

/* Gives the first socket of the list its turn. It stays in the list meanwhile,
   for another turn if a callback raises. */
static void serve_first(lua_State *L, Loop *loop, int list) {
  unsigned step = loop->steps;
  Socket *s;
  lua_rawgeti(L, list, LOOP_KEY(loop->head));
  s = lua_touserdata(L, -1);
  serve(L, s, lua_gettop(L));
  if (step == loop->steps) {
    take_off(L, loop, list);
    s->listed = 0;
  }
  if (socket_is_due(s)) socket_list(L, s, lua_gettop(L));
  lua_settop(L, list);
}

/* turn(): serves the sockets that are listed now. */
static int turn(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  unsigned left = loop->tail - loop->head;
  lua_settop(L, 1);
  compat_getenv(L, 1);
  lua_rawgeti(L, 2, HOOK_LIST);
  while (left-- > 0 && loop->head != loop->tail) serve_first(L, loop, 3);
  state_trim(loop->state, 1);
  return 0;
}

/* rest(): true when no socket wants a turn, so that the adapter may stop. */
static int rest(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  loop->turn_requested = loop->tail != loop->head;
  lua_pushboolean(L, !loop->turn_requested);
  return 1;
}

const luaL_Reg turn_methods[] = {
    {"turn", turn},
    {"rest", rest},
    {NULL, NULL},
};
