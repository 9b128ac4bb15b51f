/* SPDX-License-Identifier: MIT */
/*
 * From send() to the kernel: the usual arguments without a detour through Lua,
 * the queue, and the waits when the kernel refuses. No callback runs inside
 * send(): verdicts wait for the loop's next turn (verdict.c).
 */
#include "core.h"

#include <errno.h>
#include <string.h>

#define FLUSH_COUNT 256          /* datagrams worth a system call */
#define FLUSH_BYTES (256 * 1024) /* bytes worth a system call */
#define LARGEST (64u << 20)      /* bytes no kernel takes as one datagram */
#define OVERHEAD 64              /* bytes a queued datagram costs beside */

/* What a send was asked to do. */
typedef struct Request {
  const char *data;  /* the payload */
  size_t size;       /* its bytes */
  const Address *to; /* destination; NULL: the peer */
  int callback;      /* stack index of the callback; 0: none */
  int many;          /* it shares its callback with others */
  int refused;       /* none of them is queued */
} Request;

/* ---------------------------------------------------------------- waiting */

/* Tells whether the socket wants a turn of its loop. */
int output_due(const Socket *s) {
  Load load = queue_load(&s->queue);
  if (load.unreported > 0 || s->queue.remote != 0 || s->refused != 0) return 1;
  if (s->over && load.live == 0) return 1;
  if (s->fd < 0) return 0;
  if (s->batch != NULL && s->reading) return 1;
  if (load.count > s->queue.count && !s->resting) return 1;
  return s->queue.count > 0 && s->waiting == WAIT_NOTHING;
}

/* Forgets what was sent in the turn that ended. */
void output_new_turn(Socket *s) {
  s->spoke = 0;
  s->turn_bytes = 0;
}

/* Asks the loop to watch for writability, or to stop that. */
static void watch(lua_State *L, int index, int on) {
  loop_hook(L, index, HOOK_WATCH);
  lua_pushboolean(L, on);
  lua_call(L, 2, 0);
}

/* Asks the loop to call resume() after a while. */
static void retry(lua_State *L, int index) {
  loop_hook(L, index, HOOK_RETRY);
  lua_call(L, 1, 0);
}

/* Hands the queue to the kernel; arranges to be called when it refuses. */
static void flush_queue(lua_State *L, Socket *s, int index) {
  int wait = queue_flush(&s->queue, s->fd);
  if (wait == QUEUE_EMPTY) return;
  if (wait == QUEUE_WRITABLE) {
    s->waiting = WAIT_WRITABLE;
    watch(L, index, 1);
  } else {
    retry(L, index); /* first: if it raises, nothing is waited for */
    s->waiting = WAIT_TIMER;
  }
}

/* Tries the lanes of the queue again, and once more after a while. */
static void flush_lanes(lua_State *L, Socket *s, int index) {
  if (queue_flush_lanes(&s->queue, s->fd) == QUEUE_EMPTY) return;
  retry(L, index);
  s->resting = 1;
}

/* Flushes what does not have to wait. */
void output_flush(lua_State *L, Socket *s, int index) {
  if (s->queue.count == 0 && s->queue.lanes == NULL) return;
  if (s->waiting == WAIT_NOTHING) flush_queue(L, s, index);
  if (s->queue.lanes != NULL && !s->resting) flush_lanes(L, s, index);
}

/* Goes on after a wait. */
void output_resume(lua_State *L, Socket *s, int index) {
  int was = s->waiting;
  s->waiting = WAIT_NOTHING;
  s->resting = 0;
  output_flush(L, s, index);
  if (was == WAIT_WRITABLE && s->waiting != WAIT_WRITABLE) watch(L, index, 0);
}

/* ---------------------------------------------------------------- queuing */

/* Keeps a callback; returns its reference. */
static int keep_callback(lua_State *L, int index, int callback) {
  int ref;
  if (callback == 0) return 0;
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_CALLBACKS);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, SLOT_CALLBACKS);
  }
  lua_pushvalue(L, callback);
  ref = luaL_ref(L, -2);
  lua_pop(L, 2);
  return ref;
}

/* Sends now what is worth it; the first datagram of a turn never waits. */
static void output_push_on(lua_State *L, Socket *s, int index) {
  int first = !s->spoke && s->queue.count == 1;
  s->spoke = 1;
  if (first || s->queue.count >= FLUSH_COUNT || s->queue.bytes >= FLUSH_BYTES)
    output_flush(L, s, index);
}

/* Tells whether a datagram would exceed what the queue may hold, or a lane, a
   quarter of that; each counts OVERHEAD bytes beside its payload. */
static int is_full(Socket *s, const Request *r) {
  const Queue *queue = queue_of(&s->queue, r->to);
  size_t held = queue->bytes + queue->count * OVERHEAD;
  size_t most = queue == &s->queue ? s->max_queue : s->max_queue / 4;
  return queue->count > 0 && held + r->size > most;
}

/* Forgets a callback that will not be called. */
static void drop_callback(lua_State *L, int index, int ref) {
  if (ref == 0) return;
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_CALLBACKS);
  luaL_unref(L, -1, ref);
  lua_pop(L, 2);
}

/* Queues a datagram, or its refusal: in order if it is one of many that are
   queued, for the last of them speaks for all. Refusals nobody has a callback
   for are told once a turn, so that a sender who never listens costs no
   memory. */
static int enqueue(Socket *s, const Request *r, int ref, int error) {
  char *room;
  if (error != 0 && ref == 0) {
    s->queue.errors++;
    s->refused = error;
    return 0;
  }
  if (error != 0 && (!r->many || r->refused))
    return queue_refuse(&s->queue, r->to, r->size, ref, error);
  room = queue_push(&s->queue, r->to, r->size, ref, error);
  if (room == NULL) return -ENOMEM;
  if (error == 0) memcpy(room, r->data, r->size);
  return 0;
}

/* Queues a datagram; returns 1, 0 when the queue is over its mark, or
   -ENOMEM. */
static int output_push(lua_State *L, Socket *s, int index, const Request *r,
                       int ref) {
  int full = r->refused || is_full(s, r);
  int error = r->size > LARGEST ? -EMSGSIZE : full ? -ENOBUFS : 0;
  loop_add(L, s, index);
  if (enqueue(s, r, ref, error) < 0) return -ENOMEM;
  output_push_on(L, s, index);
  if (!s->loop->busy || output_due(s) || s->queue.count > 0)
    loop_start(L, s, index);
  s->turn_bytes += r->size + 1;
  if (queue_load(&s->queue).live_bytes < s->high_water &&
      s->turn_bytes <= s->high_water && !full)
    return 1;
  s->over = 1;
  return 0;
}

/* Returns the remembered meaning of a literal address; NULL: none. */
static const Address *destination(State *state, int family, const char *text,
                                  size_t size, int port) {
  Destination *slot;
  unsigned hash = (unsigned)port * 31;
  size_t i;
  Address address;
  if (size >= sizeof slot->text) return NULL;
  for (i = 0; i < size; i++) hash = hash * 31 + (unsigned char)text[i];
  slot = &state->destination[hash & (CACHE_SIZE - 1)];
  if (slot->family == family && slot->port == port &&
      memcmp(slot->text, text, size) == 0 && slot->text[size] == '\0')
    return &slot->address;
  if (address_parse(&address, family, text, size, port) < 0) return NULL;
  if (memchr(text, '%', size) == NULL) {
    memset(slot->text, 0, sizeof slot->text);
    memcpy(slot->text, text, size);
    slot->family = family;
    slot->port = port;
    slot->address = address;
    return &slot->address;
  }
  return NULL;
}

/* -------------------------------------------------------- the fast send */

/* Returns the ready socket of a facade table; NULL: let the facade send. */
static Socket *fast_socket(lua_State *L) {
  Socket *s;
  if (lua_type(L, 1) != LUA_TTABLE) return NULL;
  lua_rawgeti(L, 1, 1);
  s = lua_touserdata(L, -1);
  if (s == NULL || compat_rawlen(L, -1) != sizeof *s) return NULL;
  return s->self == s && s->ready ? s : NULL;
}

/* Takes an optional callback; returns 0 when it is neither nil nor one. */
static int fast_callback(lua_State *L, int index, int top, Request *r) {
  r->callback = 0;
  if (index > top || lua_isnil(L, index)) return 1;
  r->callback = index;
  return lua_isfunction(L, index);
}

/* Reads (msg, port, address [, callback]). The destination is copied: what is
   remembered may change when a finalizer sends before this one is queued. */
static int fast_udp(lua_State *L, Socket *s, int top, Request *r, Address *to) {
  const Address *known;
  lua_Integer port;
  size_t size;
  const char *text;
  if (top > 5 || !compat_isinteger(L, 3) || lua_type(L, 4) != LUA_TSTRING)
    return 0;
  port = lua_tointeger(L, 3);
  if (port < 1 || port > 65535 || !fast_callback(L, 5, top, r)) return 0;
  text = lua_tolstring(L, 4, &size);
  known = destination(s->state, s->family, text, size, (int)port);
  if (known == NULL) return 0;
  memcpy(to, known, offsetof(Address, name) + known->length);
  r->to = to;
  return 1;
}

/* Reads (msg, path [, callback]). */
static int fast_local(lua_State *L, int top, Request *r, Address *to) {
  size_t size;
  const char *path;
  if (top > 4 || lua_type(L, 3) != LUA_TSTRING) return 0;
  if (!fast_callback(L, 4, top, r)) return 0;
  path = lua_tolstring(L, 3, &size);
  r->to = to;
  return size > 0 && address_parse(to, AF_UNIX, path, size, 0) == 0;
}

/* Reads the arguments; returns 0 when the facade has to look at them. */
static int fast_request(lua_State *L, Socket *s, int top, Request *r,
                        Address *to) {
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  r->data = lua_tolstring(L, 2, &r->size);
  r->to = NULL;
  r->many = r->refused = 0;
  if (s->connected) return top <= 3 && fast_callback(L, 3, top, r);
  if (s->family == AF_UNIX) return fast_local(L, top, r, to);
  return fast_udp(L, s, top, r, to);
}

/* send(self, ...): the usual arguments go straight to the queue, all others
   to the facade's send, which is the upvalue. */
static int output_send(lua_State *L) {
  int top = lua_gettop(L);
  Socket *s = fast_socket(L);
  Request r;
  Address to;
  if (s != NULL && !s->spoke && loop_foreign(s->loop)) s = NULL;
  if (s != NULL && fast_request(L, s, top, &r, &to)) {
    int ref = keep_callback(L, top + 1, r.callback);
    int below = output_push(L, s, top + 1, &r, ref);
    lua_pushboolean(L, below);
    if (below >= 0) return 1;
    drop_callback(L, top + 1, ref);
  }
  lua_settop(L, top);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, top, LUA_MULTRET);
  return lua_gettop(L);
}

/* sender(send): wraps the facade's send into the fast one. */
int output_sender(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushcclosure(L, output_send, 1);
  return 1;
}

/* -------------------------------------------------------------- the methods */

/* Reads a destination: text at index, port behind it; nil: the peer. */
static int read_destination(lua_State *L, Socket *s, int index, Address *to,
                            Request *r) {
  size_t size;
  const char *text;
  r->to = NULL;
  if (lua_isnoneornil(L, index)) return 0;
  text = luaL_checklstring(L, index, &size);
  r->to = to;
  return address_parse(to, s->family, text, size, socket_port(L, index + 1));
}

/* push(data, offset, length [, callback [, address [, port]]]): queues a
   slice for a literal destination; false when the queue is over its mark. */
static int push_slice(lua_State *L) {
  Socket *s = socket_open(L, 1);
  Request r;
  Address to;
  int status, ref;
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  lua_Integer offset = luaL_checkinteger(L, 3);
  lua_Integer length = luaL_checkinteger(L, 4);
  luaL_argcheck(L, offset >= 0 && (size_t)offset <= size, 3, "out of bounds");
  luaL_argcheck(L, length >= 0 && (size_t)length <= size - (size_t)offset, 4,
                "out of bounds");
  r.data = data + offset;
  r.size = (size_t)length;
  r.callback = lua_isnoneornil(L, 5) ? 0 : 5;
  r.many = r.refused = 0;
  status = read_destination(L, s, 6, &to, &r);
  if (status < 0) return core_failure(L, status);
  ref = keep_callback(L, 1, r.callback);
  status = output_push(L, s, 1, &r, ref);
  if (status < 0) {
    drop_callback(L, 1, ref);
    return core_failure(L, status);
  }
  lua_pushboolean(L, status);
  return 1;
}

/* pushMany(messages, callback [, address [, port]]): queues each string; all
   share the callback, which hears of failures and of the last. When there is
   no room for the first, all are refused, now: refusals that waited in a queue
   that is full would have no limit. */
static int push_many(lua_State *L) {
  Socket *s = socket_open(L, 1);
  int count, ref, status, below = 1, i;
  Request r;
  Address to;
  luaL_checktype(L, 2, LUA_TTABLE);
  count = (int)compat_rawlen(L, 2);
  status = read_destination(L, s, 4, &to, &r);
  if (status < 0) return core_failure(L, status);
  lua_settop(L, 3);
  r.many = 1;
  r.refused = 0;
  ref = keep_callback(L, 1, lua_isnil(L, 3) ? 0 : 3);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, i);
    r.data = luaL_checklstring(L, -1, &r.size);
    if (i == 1 && ref != 0) r.refused = is_full(s, &r);
    below = output_push(L, s, 1, &r, i < count ? -ref : ref);
    if (below < 0) return luaL_error(L, "not enough memory");
    lua_pop(L, 1);
  }
  lua_pushboolean(L, below);
  return 1;
}

/* total(messages): the bytes of an array of strings; nil and the index of the
   first that is none. */
int output_total(lua_State *L) {
  size_t bytes = 0;
  int count, i;
  luaL_checktype(L, 1, LUA_TTABLE);
  count = (int)compat_rawlen(L, 1);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    if (lua_type(L, -1) != LUA_TSTRING) return core_failure(L, i);
    bytes += compat_rawlen(L, -1);
    lua_pop(L, 1);
  }
  lua_pushinteger(L, (lua_Integer)bytes);
  return 1;
}

/* flush(): hands the queue to the kernel now, even while it waits. */
static int flush(lua_State *L) {
  Socket *s = socket_open(L, 1);
  output_resume(L, s, 1);
  if (output_due(s)) loop_add(L, s, 1);
  if (output_due(s)) loop_start(L, s, 1);
  return 0;
}

/* over(): 'drain' is due as soon as the queue is empty but for stuck peers. */
static int over(lua_State *L) {
  Socket *s = socket_check(L, 1);
  s->over = 1;
  loop_add(L, s, 1);
  loop_start(L, s, 1);
  return 0;
}

/* resume(): goes on after the wait that the retry hook was asked for. */
static int resume(lua_State *L) {
  Socket *s = socket_check(L, 1);
  if (s->fd < 0) return 0;
  if (s->waiting == WAIT_WRITABLE) {
    s->resting = 0;
    output_flush(L, s, 1);
  } else {
    output_resume(L, s, 1);
  }
  if (output_due(s)) loop_add(L, s, 1);
  if (output_due(s)) loop_start(L, s, 1);
  return 0;
}

/* cancel(errno): gives everything unsent this verdict. */
static int cancel(lua_State *L) {
  Socket *s = socket_check(L, 1);
  queue_cancel(&s->queue, (int)luaL_checkinteger(L, 2));
  return 0;
}

/* queued(): datagrams and bytes without a verdict, verdicts unreported, and
   the bytes that are not for stuck peers. */
static int queued(lua_State *L) {
  Socket *s = socket_check(L, 1);
  Load load = queue_load(&s->queue);
  lua_pushinteger(L, (lua_Integer)load.count);
  lua_pushinteger(L, (lua_Integer)load.bytes);
  lua_pushinteger(L, (lua_Integer)load.unreported);
  lua_pushinteger(L, (lua_Integer)load.live_bytes);
  return 4;
}

const luaL_Reg output_methods[] = {
    {"push", push_slice}, {"pushMany", push_many},
    {"over", over},       {"flush", flush},
    {"resume", resume},   {"cancel", cancel},
    {"queued", queued},   {NULL, NULL},
};
