/* SPDX-License-Identifier: MIT */
/*
 * From send() to the kernel: the usual arguments without a detour through Lua,
 * the queue, and the waits when the kernel refuses. No callback runs inside
 * send(): completions wait for the loop's next turn (completion.c).
 */
#include "binding.h"

#include <errno.h>
#include <string.h>

#define FLUSH_COUNT 256          /* datagrams worth a system call */
#define FLUSH_BYTES (256 * 1024) /* bytes worth a system call */
#define LARGEST (64u << 20)      /* bytes no kernel takes as one datagram */

/* What a send was asked to do. */
typedef struct Request {
  const char *data;   /* the payload */
  size_t size;        /* its bytes */
  const Route *route; /* how it goes; NULL: to the peer */
  int callback;       /* stack index of the callback; 0: none */
  unsigned char many;     /* it shares its callback with others */
  unsigned char refused;  /* none of them is queued */
  unsigned char accepted; /* Lua held it: nobody hears whether send says yes */
} Request;

/* ---------------------------------------------------------------- waiting */

/* Forgets what was sent in the turn that ended. */
void output_new_turn(Socket *s) {
  s->sent_this_turn = 0;
  s->turn_bytes = s->credit = 0;
}

/* Returns what the loop is to watch. */
static unsigned awaited(const Queue *queue) {
  return (queue->wait == WAIT_WRITABLE ? AWAITS_WRITABLE : 0) |
         (queue->lanes_wait == WAIT_PEER ? AWAITS_PEER : 0);
}

/* Tells the facade what the loop is to watch, when that has changed. */
static void update(lua_State *L, Socket *s, int index) {
  unsigned now;
  while ((now = awaited(&s->queue)) != s->awaits) { /* the hook may flush */
    loop_push_hook(L, index, HOOK_UPDATE);
    lua_call(L, 1, 0);
    s->awaits = now; /* last: if it raises, it is told again */
  }
}

/* Tells whether the queue is to be tried after a while. That of a unix socket
   is even if it is watched: the path of a lane may be another's by then, and
   what others have not read keeps a connected socket from being writable. */
static int is_timed(const Queue *queue) {
  if (queue->local)
    return queue->wait != WAIT_NOTHING || queue->lanes_wait != WAIT_NOTHING;
  return queue->wait == WAIT_TIMER;
}

/* Asks the loop to call resume() after a while. Should that raise, nothing is
   waited for. */
static void retry(lua_State *L, Socket *s, int index) {
  int wait = s->queue.wait, lanes_wait = s->queue.lanes_wait;
  s->queue.wait = s->queue.lanes_wait = WAIT_NOTHING;
  loop_push_hook(L, index, HOOK_RETRY);
  lua_call(L, 1, 0);
  s->queue.wait = wait;
  s->queue.lanes_wait = lanes_wait;
}

/* Flushes what does not have to wait; arranges to be called when the kernel
   refuses. */
void output_flush(lua_State *L, Socket *s, int index) {
  Queue *queue = &s->queue;
  int timed = is_timed(queue);
  if (queue->fifo.count > 0 && queue->wait == WAIT_NOTHING)
    queue_flush(queue, s->fd);
  if (queue->lanes != NULL && queue->lanes_wait == WAIT_NOTHING)
    lanes_flush(queue, s->fd);
  if (!timed && is_timed(queue)) retry(L, s, index);
  update(L, s, index);
}

/* Goes on after a wait: what the fifo waited for, and what the lanes did. */
void output_resume(lua_State *L, Socket *s, int index, int wait) {
  if (s->queue.wait == wait) s->queue.wait = WAIT_NOTHING;
  s->queue.woken = wait == WAIT_WRITABLE;
  lanes_resume(&s->queue);
  output_flush(L, s, index);
  socket_request_turn(L, s, index);
}

/* ---------------------------------------------------------------- queuing */

/* Sends now what is worth it. The first datagram of a turn does not wait, unless it
   is an answer and the next one may go with it; nor do descriptors, of which there
   are few. */
static void push_on(lua_State *L, Socket *s, int index) {
  const Fifo *fifo = &s->queue.fifo;
  int first = !s->sent_this_turn && fifo->count == 1 && !s->loop->more;
  s->sent_this_turn = 1;
  if (first || fifo->count >= FLUSH_COUNT || fifo->bytes >= FLUSH_BYTES ||
      fifo->passed > 0)
    output_flush(L, s, index);
}

/* Tells whether a datagram is more than may wait. */
static int is_full(Socket *s, const Request *r) {
  const Passed *passed = route_passed(r->route);
  size_t cost = passed != NULL ? (size_t)passed->count * COST_PASSED : 0;
  return !queue_accepts(&s->queue, r->route, r->size + COST_QUEUED + cost);
}

/* Queues a datagram, or its refusal: in order if it is one of many that are
   queued, for the last of them speaks for all. Refusals nobody has a callback
   for are told once a turn, so that a sender who never listens costs no
   memory. */
static int enqueue(Socket *s, const Request *r, int ref, int error) {
  char *room;
  if (error != 0 && ref == 0) {
    s->queue.ledger.errors++;
    s->queue.refused = error;
    return 0;
  }
  if (error != 0 && (!r->many || r->refused))
    return queue_refuse(&s->queue, r->route, r->size, ref, error);
  room = queue_push(&s->queue, r->route, r->size, ref, error);
  if (room == NULL) return -ENOMEM;
  if (error == 0) memcpy(room, r->data, r->size);
  return 0;
}

/* Sees to it that the socket has a turn: also when a finalizer turned the loop
   just now, and took it off the list. While datagrams are delivered one comes. */
static void want_turn(lua_State *L, Socket *s, int index) {
  do {
    socket_list(L, s, index);
    if (!s->loop->delivering || s->queue.fifo.count > 0 || socket_is_due(s))
      loop_request_turn(L, s->loop, index);
  } while (!s->listed);
}

/* Returns what is left below a limit. */
static size_t below(size_t limit, size_t used) {
  return used < limit ? limit - used : 0;
}

/* Returns the smaller of two sizes. */
static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Returns how many bytes a listed socket may queue before anything has to be
   looked at again: until then its turn comes, none is refused, send says yes,
   and none is to be handed over. */
static size_t credit(const Socket *s) {
  const Queue *queue = &s->queue;
  if (!s->loop->turn_requested || queue->fifo.passed > 0) return 0;
  return least(queue_room(queue),
               least(below(queue->high_water, s->turn_bytes),
                     below(FLUSH_BYTES, queue->fifo.bytes)));
}

/* Queues a datagram of a burst, for which holds what did for the one before;
   returns 0 when that has to be looked at again, as for one with options. */
static int push_on_credit(Socket *s, const Request *r, int ref) {
  Queue *queue = &s->queue;
  size_t cost = r->size + COST_QUEUED;
  char *room;
  if (cost > s->credit || !s->listed || r->refused || queue->lanes != NULL ||
      queue->fifo.count >= FLUSH_COUNT - 1 ||
      (r->route != NULL && r->route->via != NULL))
    return 0;
  room = fifo_push(&queue->fifo, r->route, r->size, ref, 0);
  if (room == NULL) return 0;
  memcpy(room, r->data, r->size);
  s->credit -= cost;
  s->turn_bytes += r->size + 1;
  return 1;
}

/* Queues a datagram, and looks at all that this may mean; returns as output_push
   does. */
static int push_with_care(lua_State *L, Socket *s, int index, const Request *r,
                          int ref) {
  int large = r->size > LARGEST,
      full = large || r->refused || (!r->accepted && is_full(s, r));
  int error = large ? -EMSGSIZE : full ? -ENOBUFS : 0;
  socket_list(L, s, index);
  if (enqueue(s, r, ref, error) < 0) return -ENOMEM;
  push_on(L, s, index);
  want_turn(L, s, index);
  s->turn_bytes += r->size + 1;
  s->credit = credit(s);
  return r->accepted ||
         queue_says_yes(&s->queue, r->route,
                        !full && s->turn_bytes <= s->queue.high_water);
}

/* Queues a datagram; returns 1, 0 when send is to say no, or -ENOMEM. */
static int output_push(lua_State *L, Socket *s, int index, const Request *r,
                       int ref) {
  if (push_on_credit(s, r, ref)) return 1;
  return push_with_care(L, s, index, r, ref);
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
  if (slot->family == family && slot->port == port && slot->size == size &&
      memcmp(slot->text, text, size) == 0)
    return &slot->address;
  if (address_parse(&address, family, text, size, port) < 0) return NULL;
  if (memchr(text, '%', size) == NULL) {
    memcpy(slot->text, text, size);
    slot->size = size;
    slot->family = family;
    slot->port = port;
    slot->address = address;
    return &slot->address;
  }
  return NULL;
}

/* -------------------------------------------------------- the fast send */

/* Returns the core of a facade's socket; NULL: let the facade send. */
static Socket *fast_socket(lua_State *L) {
  Socket *s;
  if (lua_type(L, 1) != LUA_TTABLE) return NULL;
  lua_rawgeti(L, 1, CORE_FIELD);
  s = lua_touserdata(L, -1);
  if (s == NULL || compat_rawlen(L, -1) < sizeof *s) return NULL;
  return s->self == s && s->fast_send ? s : NULL;
}

/* Takes an optional callback; returns 0 when it is neither nil nor one. */
static int fast_callback(lua_State *L, int index, int top, Request *r) {
  int type = index <= top ? lua_type(L, index) : LUA_TNIL;
  r->callback = type == LUA_TFUNCTION ? index : 0;
  return type == LUA_TFUNCTION || type == LUA_TNIL;
}

/* Reads (msg, port, address [, callback]). The destination is copied: what is
   remembered may change when a finalizer sends before this one is queued. */
static int fast_udp(lua_State *L, Socket *s, int top, Request *r,
                    Route *route) {
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
  memcpy(&route->to, known, offsetof(Address, name) + known->length);
  route->via = NULL;
  r->route = route;
  return 1;
}

/* Reads (msg, path [, callback]). */
static int fast_local(lua_State *L, int top, Request *r, Route *route) {
  size_t size;
  const char *path;
  if (top > 4 || lua_type(L, 3) != LUA_TSTRING) return 0;
  if (!fast_callback(L, 4, top, r)) return 0;
  path = lua_tolstring(L, 3, &size);
  route->via = NULL;
  r->route = route;
  return size > 0 && address_parse(&route->to, AF_UNIX, path, size, 0) == 0;
}

/* Reads the arguments; returns 0 when the facade has to look at them. */
static int fast_request(lua_State *L, Socket *s, int top, Request *r,
                        Route *route) {
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  r->data = lua_tolstring(L, 2, &r->size);
  r->route = NULL;
  r->many = r->refused = r->accepted = 0;
  if (s->connected) return top <= 3 && fast_callback(L, 3, top, r);
  if (s->family == AF_UNIX) return fast_local(L, top, r, route);
  return fast_udp(L, s, top, r, route);
}

/* send(self, ...): the usual arguments go straight to the queue, all others
   to the facade's send, which is the upvalue. */
static int output_send(lua_State *L) {
  int top = lua_gettop(L);
  Socket *s = fast_socket(L);
  Request r;
  Route route;
  int ref = 0, below = -1;
  if (s != NULL && loop_is_foreign(s->loop)) s = NULL;
  if (s != NULL && fast_request(L, s, top, &r, &route)) {
    if (r.callback) ref = callback_keep(L, s, top + 1, r.callback);
    if (s->fast_send) /* no finalizer has closed it meanwhile */
      below = output_push(L, s, top + 1, &r, ref);
    lua_pushboolean(L, below);
    if (below >= 0) return 1;
    callback_drop(L, s, top + 1, ref);
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

/* Reads where a request goes and how, as way_read does, and whether it was
   accepted before. */
static int read_way(lua_State *L, Socket *s, int index, Way *way, Request *r) {
  int status = way_read(L, s, index, way);
  r->accepted = lua_toboolean(L, index + 7);
  r->route = status > 0 ? &way->route : NULL;
  return status;
}

/* push(data, offset, length [, callback [, address [, port [, localAddress
   [, interface [, ttl [, typeOfService [, descriptors [, accepted]]]]]]]]]): queues
   a slice for a literal destination; false when what waits there is over its
   mark. */
static int push_slice(lua_State *L) {
  Socket *s = socket_open(L, 1);
  Request r;
  Way way;
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
  status = read_way(L, s, 6, &way, &r);
  if (status < 0) return push_failure(L, status);
  ref = callback_keep(L, s, 1, r.callback);
  status = output_push(L, s, 1, &r, ref);
  way_leave(&way);
  if (status < 0) {
    callback_drop(L, s, 1, ref);
    return push_failure(L, status);
  }
  lua_pushboolean(L, status);
  return 1;
}

/* pushMany(messages, callback [, address …]), as push: queues each;
   all share the callback, which hears of failures and of the last. When there
   is no room for the first, all are refused, now: refusals that waited in a
   queue that is full would have no limit. */
static int push_many(lua_State *L) {
  Socket *s = socket_open(L, 1);
  int count, ref, status, below = 1, all_below = 1, i;
  Request r;
  Way way;
  luaL_checktype(L, 2, LUA_TTABLE);
  count = (int)compat_rawlen(L, 2);
  status = read_way(L, s, 4, &way, &r);
  if (status < 0) return push_failure(L, status);
  r.many = 1;
  r.refused = 0;
  ref = callback_keep(L, s, 1, lua_isnoneornil(L, 3) ? 0 : 3);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, i);
    r.data = luaL_checklstring(L, -1, &r.size);
    if (i == 1 && ref != 0 && !r.accepted) r.refused = is_full(s, &r);
    below = output_push(L, s, 1, &r, i < count ? -ref : ref);
    if (below < 0) return luaL_error(L, "not enough memory");
    all_below &= below;
    lua_pop(L, 1);
  }
  way_leave(&way);
  lua_pushboolean(L, all_below);
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
    if (lua_type(L, -1) != LUA_TSTRING) return push_failure(L, i);
    bytes += compat_rawlen(L, -1);
    lua_pop(L, 1);
  }
  compat_pushcount(L, bytes);
  return 1;
}

/* flush(): hands the queue to the kernel now, even while it waits. */
static int flush(lua_State *L) {
  Socket *s = socket_open(L, 1);
  output_resume(L, s, 1, s->queue.wait);
  return 0;
}

/* resume(): goes on after the wait that the retry hook was asked for, or when
   peers of lanes have read. */
static int resume(lua_State *L) {
  Socket *s = socket_check(L, 1);
  if (s->fd >= 0)
    output_resume(L, s, 1, s->queue.local ? s->queue.wait : WAIT_TIMER);
  return 0;
}

/* awaits(): whether the queue waits for writability, and the descriptor that is
   readable when a peer it waits for has read, or nil. */
static int awaits(lua_State *L) {
  Socket *s = socket_check(L, 1);
  unsigned now = awaited(&s->queue);
  lua_pushboolean(L, now & AWAITS_WRITABLE);
  if (!(now & AWAITS_PEER)) return 1;
  lua_pushinteger(L, s->queue.watcher);
  return 2;
}

/* cancel(errno): gives everything unsent this completion. */
static int cancel(lua_State *L) {
  Socket *s = socket_check(L, 1);
  queue_cancel(&s->queue, (int)luaL_checkinteger(L, 2));
  return 0;
}

/* accepts(count, bytes): whether so many datagrams more may be held by Lua. */
static int accepts(lua_State *L) {
  Socket *s = socket_check(L, 1);
  size_t cost = (size_t)luaL_checkinteger(L, 2) * COST_HELD;
  size_t bytes = (size_t)luaL_checkinteger(L, 3);
  lua_pushboolean(L, queue_accepts(&s->queue, NULL, bytes + cost));
  return 1;
}

/* hold(count, bytes [, accepted]): counts datagrams that Lua holds; negative:
   no more. Returns whether what waits is below its mark; if not, 'drain'
   follows, unless they were accepted before or leave. */
static int hold(lua_State *L) {
  Socket *s = socket_check(L, 1);
  Ledger *ledger = &s->queue.ledger;
  lua_Integer count = luaL_checkinteger(L, 2);
  size_t bytes = (size_t)luaL_checkinteger(L, 3);
  ledger->count += (size_t)count;
  ledger->bytes += bytes;
  ledger->held += (size_t)count;
  ledger->held_bytes += bytes;
  s->credit = 0;
  lua_pushboolean(L, count < 0 || lua_toboolean(L, 4) ||
                         queue_says_yes(&s->queue, NULL, 1));
  socket_request_turn(L, s, 1);
  return 1;
}

/* lost(count): counts datagrams that failed before they came to the queue. */
static int lost(lua_State *L) {
  Socket *s = socket_check(L, 1);
  s->queue.ledger.errors += (uint64_t)luaL_checkinteger(L, 2);
  return 0;
}

/* refuse([errno]): notes that send says no although nothing may wait; with an
   errno that is told once a turn. 'drain' follows. */
static int refuse(lua_State *L) {
  Socket *s = socket_check(L, 1);
  if (!lua_isnoneornil(L, 2)) s->queue.refused = (int)luaL_checkinteger(L, 2);
  want_turn(L, s, 1);
  queue_says_yes(&s->queue, NULL, 0);
  return 0;
}

/* queued(): datagrams and bytes without a completion, completions nobody was
   told. */
static int queued(lua_State *L) {
  const Socket *s = socket_check(L, 1);
  const Ledger *ledger = &s->queue.ledger;
  compat_pushcount(L, ledger->count);
  compat_pushcount(L, ledger->bytes);
  compat_pushcount(L, ledger->unreported + s->telling);
  return 3;
}

/* sent(): datagrams the kernel took. */
static int sent(lua_State *L) {
  compat_pushcount(L, socket_check(L, 1)->queue.ledger.sent);
  return 1;
}

const luaL_Reg output_methods[] = {
    {"push", push_slice}, {"pushMany", push_many}, {"flush", flush},
    {"resume", resume},   {"awaits", awaits},      {"cancel", cancel},
    {"accepts", accepts}, {"hold", hold},          {"lost", lost},
    {"refuse", refuse},   {"queued", queued},      {"sent", sent},
    {NULL, NULL},
};
