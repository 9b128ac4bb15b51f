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
#define ALONE 8     /* messages that came alone, before only one is asked for */
#define LOOK 4      /* every so many times it is looked whether there are more */

/* Upvalues of input_serve: a wake-up looks nothing up. */
enum { FIXED_STATE = 1, FIXED_SIZE = 5, FIXED_V4, FIXED_V6, FIXED_UNIX };

/* Stack positions while a wake-up is served. */
enum {
  AT_SOCKET = 1,
  AT_ENV,
  AT_STATE, /* from here to AT_SIZE they are the first upvalues */
  AT_ADDRESS,
  AT_FAMILY,
  AT_PORT,
  AT_SIZE,
  AT_FAMILY_NAME,
  AT_SENDER,
  AT_LOCAL,
  AT_INTERFACE,
  AT_DELIVER, /* if the facade makes rinfo: HOOK_DELIVER */
  AT_OWNER    /* and the facade's socket */
};

/* Of what the stack has the texts, from one datagram to the next; and the
   information of the datagram of which values are made, for its batch may be
   used again meanwhile. */
typedef struct Seen {
  Address sender;     /* whose text lies at AT_SENDER */
  unsigned interface; /* whose name lies at AT_INTERFACE; 0: none */
  int spelled;        /* the text of info.local lies at AT_LOCAL */
  Info info;          /* what the kernel told of the datagram */
} Seen;

/* Counts the datagrams that were larger than the room. */
static int note_truncated(Socket *s) {
  int i, count = 0;
  for (i = 0; i < s->batch->count; i++) count += s->batch->slot[i].truncated;
  s->truncated += (uint64_t)count;
  return count;
}

/* Makes of the messages that came the number to ask for next: to prepare for
   many costs more than to read one, and to find that no second one waits costs a
   quarter of the system call. */
static int ask_next(Socket *s, int count) {
  int most = batch_slots(s->control_room);
  if (count > 1) s->alone = 0;
  else if (++s->alone == ALONE + LOOK) s->alone = ALONE;
  if (s->alone > ALONE) return 1;
  return 4 * count < most ? 4 * count : most;
}

/* Tells whether a wake-up has read enough: all there was, or the one message it
   asked for where it could have asked for more. Of a second one the loop tells. */
static int is_enough(const Socket *s, int asked, int count) {
  int alone = asked == 1 && batch_slots(s->control_room) > 1;
  return count >= 0 && (count < asked || alone);
}

/* Collects all that nobody uses any more, for a tenth of the time at most: whoever
   sends could have the process do nothing else. */
static void collect(lua_State *L, State *state) {
  double start = system_now();
  if (start < state->collect_at) return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  state->collect_at = system_now() + 9 * (system_now() - start);
}

/* Reports that descriptors were lost, for the process has as many as it may.
   Those of values that nobody uses any more are closed. */
static void report_cut(lua_State *L, Socket *s) {
  s->batch->cut = 0;
  collect(L, s->state);
  socket_report_error(L, s, AT_SOCKET, -EMFILE);
}

/* Reads a batch; returns the messages in it, 0 when nothing waits, -1 when
   there was an error, which has been reported, or will be in the turn. */
static int input_fill(lua_State *L, Socket *s) {
  int count;
  if (s->batch == NULL) s->batch = state_take_batch(s->state, s->family);
  count = s->batch != NULL
              ? batch_fill(s->batch, s->fd, s->ask, s->control_room)
              : -ENOMEM;
  if (count > 0) {
    s->error_row = 0;
    s->ask = ask_next(s, count);
    if (note_truncated(s) > 0) socket_report_error(L, s, AT_SOCKET, -EMSGSIZE);
    if (s->batch != NULL && s->batch->cut) report_cut(L, s);
    return count;
  }
  socket_drop_batch(s);
  if (count == -EAGAIN) return 0;
  if (reports_fill(s->queue.reports, s->fd, count) != REPORT_NONE) return -1;
  s->queue.ledger.async_errors++;
  socket_report_error(L, s, AT_SOCKET, count);
  return -1;
}

/* Returns the place of an address in the cache. */
static unsigned cache_place(const CacheKey *key) {
  uint32_t word[4];
  memcpy(word, key->bytes, sizeof word);
  word[0] = (word[0] ^ word[1] ^ word[2] ^ word[3]) * 2654435761u; /* Knuth's */
  return word[0] >> 16 & (CACHE_SIZE - 1);
}

/* Pushes the text of an address, from the cache when it is an IP address. */
static void push_address(lua_State *L, State *state, const Address *from) {
  char text[ADDRESS_TEXT];
  CacheKey key, *slot;
  unsigned hash;
  memset(&key, 0, sizeof key);
  if (!address_bytes(from, key.bytes) ||
      (from->name.base.sa_family == AF_INET6 &&
       from->name.v6.sin6_scope_id != 0)) {
    lua_pushlstring(L, text, address_text(from, text));
    return;
  }
  key.family = from->name.base.sa_family;
  hash = cache_place(&key);
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

/* Pushes the address a datagram was sent to. */
static void push_local(lua_State *L, Socket *s, Seen *seen) {
  if (!seen->spelled) {
    state_note_broadcast(s->state, &seen->info.local, seen->info.broadcast);
    push_address(L, s->state, &seen->info.local);
    lua_replace(L, AT_LOCAL);
    seen->spelled = 1;
  }
  lua_pushvalue(L, AT_LOCAL);
}

/* Pushes the name of the interface a datagram came in by; its index when it is
   gone. */
static void push_interface(lua_State *L, Socket *s, Seen *seen) {
  unsigned index = seen->info.interface;
  if (index != seen->interface) {
    s->heard_name[0] = '\0';
    if (system_interface_name(s->fd, index, s->heard_name))
      lua_pushstring(L, s->heard_name);
    else lua_pushinteger(L, (lua_Integer)index);
    lua_replace(L, AT_INTERFACE);
    s->heard_by = seen->interface = index;
  }
  lua_pushvalue(L, AT_INTERFACE);
}

/* Pushes how many hops are left. */
static void push_ttl(lua_State *L, Socket *s, Seen *seen) {
  (void)s;
  lua_pushinteger(L, seen->info.ttl);
}

/* Pushes type of service, or traffic class. */
static void push_type_of_service(lua_State *L, Socket *s, Seen *seen) {
  (void)s;
  lua_pushinteger(L, seen->info.type_of_service);
}

/* Pushes when the kernel got it, in seconds since the epoch. */
static void push_timestamp(lua_State *L, Socket *s, Seen *seen) {
  const struct timespec *time = &seen->info.timestamp;
  (void)s;
  lua_pushnumber(L, (lua_Number)time->tv_sec +
                        (lua_Number)time->tv_nsec * (lua_Number)1e-9);
}

/* Sets a number in the table on top. */
static void set_number(lua_State *L, const char *name, double value) {
  compat_pushcount(L, value);
  lua_setfield(L, -2, name);
}

/* Pushes who sent it. */
static void push_credentials(lua_State *L, Socket *s, Seen *seen) {
  const Credentials *who = &seen->info.credentials;
  (void)s;
  lua_createtable(L, 0, 3);
  set_number(L, "pid", who->pid);
  set_number(L, "uid", who->uid);
  set_number(L, "gid", who->gid);
}

/* Pushes an array for the descriptors that came, which are given to it last. */
static void push_descriptors(lua_State *L, Socket *s, Seen *seen) {
  (void)seen;
  descriptor_prepare(L, s->batch != NULL ? s->batch->rights.count : 0);
}

/* How each kind of information becomes the value of its field. */
static void (*const push_field[INFO_KINDS])(lua_State *, Socket *, Seen *) = {
    [INFO_LOCAL_ADDRESS] = push_local,
    [INFO_INTERFACE] = push_interface,
    [INFO_TTL] = push_ttl,
    [INFO_TYPE_OF_SERVICE] = push_type_of_service,
    [INFO_TIMESTAMP] = push_timestamp,
    [INFO_CREDENTIALS] = push_credentials,
    [INFO_DESCRIPTORS] = push_descriptors,
};

/* Keeps what the kernel told of a datagram. */
static void keep_info(Seen *seen, const Info *info) {
  const Address *local = &info->local;
  memcpy(&seen->info, info, offsetof(Info, local));
  if (!(info->told >> INFO_LOCAL_ADDRESS & 1)) return;
  if (address_equal(local, &seen->info.local)) return;
  memcpy(&seen->info.local, local, offsetof(Address, name) + local->length);
  seen->spelled = 0;
}

/* Adds the fields that were asked for and told to the rinfo on top. */
static void add_info(lua_State *L, Socket *s, Seen *seen) {
  unsigned fields = s->info & seen->info.told;
  int kind;
  for (kind = 0; fields >> kind != 0; kind++) {
    if (!(fields >> kind & 1)) continue;
    lua_rawgeti(L, AT_STATE, KEY_INFO + kind);
    push_field[kind](L, s, seen);
    lua_rawset(L, -3);
  }
}

/* Gives the descriptors that came to the rinfo on top; nothing raises from here
   to the listener. */
static void give_descriptors(lua_State *L, Socket *s) {
  if (s->batch == NULL || s->batch->rights.count == 0) return;
  lua_rawgeti(L, AT_STATE, KEY_INFO + INFO_DESCRIPTORS);
  lua_rawget(L, -2);
  descriptor_fill(L, &s->batch->rights);
  lua_pop(L, 1);
}

/* Pushes a fresh rinfo. */
static void push_rinfo(lua_State *L, const Socket *s, size_t size, int port) {
  lua_createtable(L, 0, 4 + s->fields);
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

/* Takes a datagram back that was not delivered after all. */
static void take_back(Socket *s, const Datagram *d) {
  s->received--;
  s->received_bytes -= d->size;
  if (s->batch != NULL) batch_back(s->batch, d);
}

/* Has the facade make rinfo and call the listener; on top lie its function, the
   socket, the listener and the payload. Takes the datagram back when a finalizer
   paused or closed the socket before that. */
static void deliver_in_facade(lua_State *L, Socket *s, const Datagram *d,
                              int port) {
  lua_pushvalue(L, AT_SENDER);
  lua_pushvalue(L, AT_FAMILY_NAME);
  lua_pushinteger(L, (lua_Integer)d->size);
  lua_pushinteger(L, port);
  count_received(s, d);
  s->making = MAKING_IN_FACADE;
  lua_call(L, 7, 1);
  s->making = MAKING_NOTHING;
  if (lua_toboolean(L, -1)) take_back(s, d);
  lua_pop(L, 1);
}

/* Tells whether values are being made of a datagram of the socket at an index:
   then a nested run must not deliver the next. */
int input_is_making(lua_State *L, const Socket *s, int index) {
  int making = s->making;
  if (making != MAKING_IN_FACADE) return making;
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_OWNER);
  lua_pushliteral(L, "_making");
  lua_rawget(L, -2);
  making = lua_toboolean(L, -1);
  lua_pop(L, 3);
  return making;
}

/* Pushes the listener, or nil; below it the facade's function and the socket, if the
   facade makes rinfo. Returns how many values that are. */
static int push_listener(lua_State *L, const Socket *s) {
  int facade = s->loop->delivers && s->info == 0 && s->family != AF_UNIX;
  if (facade) {
    lua_pushvalue(L, AT_DELIVER);
    lua_pushvalue(L, AT_OWNER);
  }
  lua_rawgeti(L, AT_ENV, SLOT_LISTENER);
  return facade ? 3 : 1;
}

/* Hands one datagram to the listener, if there is one. Any allocation may run
   finalizers, which may pause the socket (then it is kept), close it (its batch
   is kept meanwhile, for LuaJIT and Lua 5.1 run them before they copy the
   payload; the sender was copied before) or run the loop, which must not
   deliver the next one then. */
static void deliver(lua_State *L, Socket *s, const Datagram *d, Seen *seen) {
  const Address *from = &d->in->from;
  int known = address_equal(from, &seen->sender);
  int values = push_listener(L, s);
  if (lua_isnil(L, -1)) {
    lua_pop(L, values);
    count_received(s, d);
    rights_close(&s->batch->rights);
    return;
  }
  if (!known)
    memcpy(&seen->sender, from, offsetof(Address, name) + from->length);
  if (s->info != 0) keep_info(seen, &d->in->info);
  s->making = MAKING_HERE;
  lua_pushlstring(L, d->data, d->size);
  if (!known) {
    push_address(L, s->state, &seen->sender);
    lua_replace(L, AT_SENDER);
  }
  if (values > 1) {
    deliver_in_facade(L, s, d, address_port(&seen->sender));
    return;
  }
  push_rinfo(L, s, d->size, address_port(&seen->sender));
  if (s->info != 0) add_info(L, s, seen);
  s->making = MAKING_NOTHING;
  if (s->fd >= 0 && s->reading) {
    count_received(s, d);
    give_descriptors(L, s);
    lua_call(L, 2, 0);
    return;
  }
  lua_pop(L, 3); /* a finalizer paused or closed the socket just now */
  if (s->batch != NULL) batch_back(s->batch, d);
}

/* Delivers the batch until it is used up or the socket stops listening. */
static int input_deliver(lua_State *L, Socket *s) {
  Seen seen;
  Datagram d;
  int count = 0;
  seen.sender.length = seen.info.local.length = (socklen_t)-1;
  seen.interface = 0;
  while (may_deliver(s)) {
    if (!batch_next(s->batch, &d)) {
      socket_drop_batch(s);
      break;
    }
    count++;
    s->loop->more = batch_has_more(s->batch);
    if (blocklist_check(s->block, &d.in->from)) s->blocked++;
    else deliver(L, s, &d, &seen);
  }
  return count;
}

/* Lays out what the facade makes rinfo with. It says that it does from before it is
   called on: LuaJIT may run finalizers ahead of a function's first instruction. */
static void lay_out_facade(lua_State *L) {
  loop_push_hook(L, AT_SOCKET, HOOK_DELIVER);
  lua_pushliteral(L, "_making");
  lua_pushboolean(L, 1);
  lua_rawset(L, AT_OWNER);
}

/* Lays out the stack for a wake-up; the socket is on it, and nothing else. */
static void lay_out(lua_State *L, Socket *s) {
  int i, name = s->family == AF_INET    ? FIXED_V4
                : s->family == AF_INET6 ? FIXED_V6
                                        : FIXED_UNIX;
  luaL_checkstack(L, 24, NULL);
  compat_getenv(L, AT_SOCKET);
  for (i = FIXED_STATE; i <= FIXED_SIZE; i++)
    lua_pushvalue(L, lua_upvalueindex(i));
  lua_pushvalue(L, lua_upvalueindex(name));
  lua_settop(L, AT_INTERFACE);
  if (s->loop->delivers) lay_out_facade(L);
}

/* Reads the queue of errors, which keeps a socket readable that has no datagram.
   What the socket asked for is told in its turn; what others asked for, before it
   was adopted, is forgotten. */
void input_read_errors(Socket *s) {
  if (s->queue.reports != NULL) reports_fill(s->queue.reports, s->fd, 0);
  else if (s->family != AF_UNIX) system_drain_errors(s->fd);
}

/* Finds out why a socket is said to be readable that has nothing to read: the
   loop would say so again at once, without end. */
static void read_nothing(lua_State *L, Socket *s) {
  input_read_errors(s);
  if (system_is_shut_down(s->fd))
    socket_report_error(L, s, AT_SOCKET, -ESHUTDOWN);
}

/* Tells whether there is room to read into. */
static int may_read(const Socket *s) {
  return s->batch == NULL && s->reading && s->fd >= 0;
}

/* Delivers what is left, then reads on within the budget. To be called with
   the socket as its only argument; may raise what a listener raises. */
static int input_serve(lua_State *L) {
  Socket *s = lua_touserdata(L, AT_SOCKET);
  int budget = BUDGET;
  lay_out(L, s);
  budget -= input_deliver(L, s);
  while (may_read(s) && budget > 0) {
    int asked = s->ask, count = input_fill(L, s);
    if (count == 0 && budget == BUDGET) read_nothing(L, s);
    budget -= count < 0 ? 1 : input_deliver(L, s);
    if (is_enough(s, asked, count)) break;
  }
  return 0;
}

/* Makes input_serve, once for all sockets of the Lua state. */
void input_make(lua_State *L) {
  static const char *const strings[] = {"address", "family", "port", "size",
                                        "IPv4",    "IPv6",   "unix"};
  int i;
  state_push_table(L);
  lua_pushvalue(L, -1);
  for (i = FIXED_STATE; i < FIXED_UNIX; i++) lua_pushstring(L, strings[i - 1]);
  lua_pushcclosure(L, input_serve, FIXED_UNIX);
  lua_rawseti(L, -2, KEY_SERVE);
  lua_pop(L, 1);
}

/* Pushes input_serve, to be called with a socket. */
void input_push_serve(lua_State *L) {
  state_push_table(L);
  lua_rawgeti(L, -1, KEY_SERVE);
  lua_replace(L, -2);
}
