/* SPDX-License-Identifier: MIT */
/*
 * From the kernel to the 'message' listener. What was read stays with the
 * socket (its batch) while listeners run, so they may close the socket, pause
 * it, raise, or run the loop again: the rest is delivered later, in order.
 */
#include "binding.h"

#include <errno.h>
#include <string.h>

#define BUDGET 1024 /* datagrams a wake-up, before other sockets have a turn */

/* Stack positions while a wake-up is served. */
enum {
  AT_SOCKET = 1,
  AT_ENV,
  AT_STATE,
  AT_ADDRESS,
  AT_FAMILY,
  AT_PORT,
  AT_SIZE,
  AT_FAMILY_NAME,
  AT_SENDER
};

/* Counts the datagrams that were larger than the room. */
static int note_truncated(Socket *s) {
  int i, count = 0;
  for (i = 0; i < s->batch->count; i++) count += s->batch->slot[i].truncated;
  s->truncated += (uint64_t)count;
  return count;
}

/* Reads a batch; returns the messages in it, 0 when nothing waits, -1 when
   there was an error, which has been reported. */
static int input_fill(lua_State *L, Socket *s) {
  int count;
  if (s->batch == NULL) s->batch = state_take_batch(s->state, s->family);
  count = s->batch != NULL ? batch_fill(s->batch, s->fd, s->family) : -ENOMEM;
  if (count > 0) {
    s->error_row = 0;
    if (note_truncated(s) > 0) socket_report_error(L, s, AT_SOCKET, -EMSGSIZE);
    return count;
  }
  socket_drop_batch(s);
  if (count == -EAGAIN) return 0;
  s->queue.ledger.async_errors++;
  socket_report_error(L, s, AT_SOCKET, count);
  return -1;
}

/* Pushes the text of an address, from the cache when it is an IP address. */
static void push_sender(lua_State *L, State *state, const Address *from) {
  char text[ADDRESS_TEXT];
  CacheKey key, *slot;
  unsigned hash = 0, i;
  memset(&key, 0, sizeof key);
  if (!address_bytes(from, key.bytes) ||
      (from->name.base.sa_family == AF_INET6 &&
       from->name.v6.sin6_scope_id != 0)) {
    lua_pushlstring(L, text, address_text(from, text));
    return;
  }
  key.family = from->name.base.sa_family;
  for (i = 0; i < 16; i++) hash = hash * 31 + key.bytes[i];
  hash &= CACHE_SIZE - 1;
  slot = &state->sender[hash];
  if (memcmp(slot, &key, sizeof key) == 0) {
    lua_rawgeti(L, AT_STATE, KEY_SENDERS + (int)hash);
    return;
  }
  lua_pushlstring(L, text, address_text(from, text));
  lua_pushvalue(L, -1);
  lua_rawseti(L, AT_STATE, KEY_SENDERS + (int)hash);
  *slot = key;
}

/* Pushes a fresh rinfo. */
static void push_rinfo(lua_State *L, const Socket *s, size_t size, int port) {
  lua_createtable(L, 0, 4);
  lua_pushvalue(L, AT_ADDRESS);
  lua_pushvalue(L, AT_SENDER);
  lua_rawset(L, -3);
  lua_pushvalue(L, AT_FAMILY);
  lua_pushvalue(L, AT_FAMILY_NAME);
  lua_rawset(L, -3);
  lua_pushvalue(L, AT_SIZE);
  lua_pushinteger(L, (lua_Integer)size);
  lua_rawset(L, -3);
  if (s->family == AF_UNIX) return;
  lua_pushvalue(L, AT_PORT);
  lua_pushinteger(L, port);
  lua_rawset(L, -3);
}

/* Tells whether the next datagram may go to the listener. */
static int may_deliver(const Socket *s) {
  return s->batch != NULL && s->reading && s->fd >= 0;
}

/* Counts a datagram that is delivered. */
static void count_received(Socket *s, const Datagram *d) {
  s->received++;
  s->received_bytes += d->size;
}

/* Hands one datagram to the listener, if there is one. Any allocation may run
   finalizers, which may pause the socket (then it is kept), close it (its batch
   is kept meanwhile, for LuaJIT and Lua 5.1 run them before they copy the
   payload; the sender was copied before) or run the loop, which must not
   deliver the next one then. */
static void deliver(lua_State *L, Socket *s, const Datagram *d,
                    Address *sender) {
  const Address *from = &d->in->from;
  int known = address_equal(from, sender);
  lua_rawgeti(L, AT_ENV, SLOT_LISTENER);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    count_received(s, d);
    return;
  }
  if (!known) memcpy(sender, from, offsetof(Address, name) + from->length);
  s->making = 1;
  lua_pushlstring(L, d->data, d->size);
  if (!known) {
    push_sender(L, s->state, sender);
    lua_replace(L, AT_SENDER);
  }
  push_rinfo(L, s, d->size, address_port(sender));
  s->making = 0;
  if (s->fd >= 0 && s->reading) {
    count_received(s, d);
    lua_call(L, 2, 0);
    return;
  }
  lua_pop(L, 3); /* a finalizer paused or closed the socket just now */
  if (s->batch != NULL) batch_back(s->batch, d);
}

/* Delivers the batch until it is used up or the socket stops listening. */
static int input_deliver(lua_State *L, Socket *s) {
  Address sender;
  Datagram d;
  int count = 0;
  sender.length = (socklen_t)-1;
  while (may_deliver(s)) {
    if (!batch_next(s->batch, &d)) {
      socket_drop_batch(s);
      break;
    }
    count++;
    if (blocklist_check(s->block, &d.in->from)) s->blocked++;
    else deliver(L, s, &d, &sender);
  }
  return count;
}

/* Lays out the stack for a wake-up. */
static void lay_out(lua_State *L, Socket *s) {
  static const int keys[] = {KEY_ADDRESS, KEY_FAMILY, KEY_PORT, KEY_SIZE};
  int i, name = s->family == AF_INET    ? KEY_V4
                : s->family == AF_INET6 ? KEY_V6
                                        : KEY_UNIX;
  luaL_checkstack(L, 24, NULL);
  lua_settop(L, AT_SOCKET);
  compat_getenv(L, AT_SOCKET);
  state_push_table(L);
  for (i = 0; i < 4; i++) lua_rawgeti(L, AT_STATE, keys[i]);
  lua_rawgeti(L, AT_STATE, name);
  lua_pushnil(L);
}

/* Empties the queue of errors of a socket that is said to be readable and has
   nothing to read: the loop would say so again at once, without end. */
static void drain_error_queue(lua_State *L, Socket *s) {
  int error = system_drain_error_queue(s->fd, s->family);
  if (error < 0) socket_report_error(L, s, AT_SOCKET, error);
}

/* Tells whether there is room to read into. */
static int may_read(const Socket *s) {
  return s->batch == NULL && s->reading && s->fd >= 0;
}

/* Delivers what is left, then reads on within the budget. To be called with
   the socket as its only argument; may raise what a listener raises. */
int input_serve(lua_State *L) {
  Socket *s = lua_touserdata(L, AT_SOCKET);
  int budget = BUDGET;
  lay_out(L, s);
  budget -= input_deliver(L, s);
  while (may_read(s) && budget > 0) {
    int count = input_fill(L, s);
    if (count == 0 && budget == BUDGET) drain_error_queue(L, s);
    budget -= count < 0 ? 1 : input_deliver(L, s);
    if (count >= 0 && count < BATCH_SLOTS) break;
  }
  return 0;
}
