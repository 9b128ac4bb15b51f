/* SPDX-License-Identifier: MIT */
/*
 * A socket's life: made closed, then opened or adopted, bound, connected,
 * detached and closed. The operating system's refusals are returned: nil and a
 * negative errno; only programming mistakes raise.
 */
#include "binding.h"

#include <errno.h>
#include <string.h>

/* Returns the socket at an index, in any state. */
Socket *socket_check(lua_State *L, int index) {
  return luaL_checkudata(L, index, SOCKET_TYPE);
}

/* Tells whether a socket is open. A detached one is not: what it did would be
   done to /dev/null. */
int socket_is_open(const Socket *s) { return s->fd >= 0 && !s->detached; }

/* Returns the socket at an index; raises unless it is open: a finalizer may
   have closed it. */
Socket *socket_open(lua_State *L, int index) {
  Socket *s = socket_check(L, index);
  if (!socket_is_open(s)) {
    loop_push_hook(L, index, HOOK_CLOSED);
    lua_call(L, 1, 0);
  }
  return s;
}

/* Returns the port at an index, 0 when there is none; the facade has checked it. */
int socket_port(lua_State *L, int index) {
  return (int)luaL_optinteger(L, index, 0);
}

/* Reads a type of socket. */
static int read_family(lua_State *L, int index) {
  static const char *const types[] = {"udp4", "udp6", "unix_dgram", NULL};
  static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
  return families[luaL_checkoption(L, index, NULL, types)];
}

/* Returns the bytes of a socket; what a unix one has besides lies behind it. */
static size_t socket_size(int family) {
  return sizeof(Socket) + (family == AF_UNIX ? sizeof(Local) : 0);
}

/* Sets the fields a new socket starts with. */
static void socket_init(Socket *s, Loop *loop, int family) {
  Local *local = family == AF_UNIX ? (Local *)(void *)(s + 1) : NULL;
  memset(s, 0, sizeof *s);
  s->self = s;
  s->loop = loop;
  s->state = loop->state;
  s->fd = -1;
  s->family = family;
  s->reading = 1;
  s->ask = BATCH_SLOTS;
  s->control_room = system_control_room(family, 0);
  queue_init(&s->queue, &s->state->pool, local);
}

/* Tells whether the socket wants a turn of its loop. A batch that is used up,
   as it is while its last datagram is delivered, is no reason. */
int socket_is_due(const Socket *s) {
  const Batch *batch = s->batch;
  return queue_is_due(&s->queue) ||
         (batch != NULL && batch_has_more(batch) && s->reading && s->fd >= 0);
}

/* Puts a socket into its loop's list, unless it is there. */
void socket_list(lua_State *L, Socket *s, int index) {
  Loop *loop = s->loop;
  if (s->listed) return;
  loop_push_table(L, index);
  lua_rawgeti(L, -1, HOOK_LIST);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, LOOP_KEY(loop->tail));
  loop->tail++;
  lua_pop(L, 2);
  s->listed = 1;
}

/* Asks for a turn of the loop, if the socket wants one. */
void socket_request_turn(lua_State *L, Socket *s, int index) {
  if (!socket_is_due(s)) return;
  socket_list(L, s, index);
  loop_request_turn(L, s->loop, index);
}

/* Tells the facade of an error that came by the network, not from a call. */
void socket_report_error(lua_State *L, Socket *s, int index, int error) {
  loop_push_hook(L, index, HOOK_ERROR);
  lua_pushinteger(L, error);
  lua_pushinteger(L, ++s->error_row);
  lua_call(L, 3, 0);
}

/* socket(loop, type, owner): makes a socket that is not open yet. */
int socket_new(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  int family = read_family(L, 2);
  Socket *s;
  state_open(L);
  lua_settop(L, 3);
  s = compat_newuserdata(L, socket_size(family));
  socket_init(s, loop, family);
  lua_createtable(L, SLOT_POLLER, 0);
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, SLOT_OWNER);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, SLOT_LOOP);
  compat_setenv(L, -2);
  luaL_getmetatable(L, SOCKET_TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

/* Puts a socket into the list of those that are open. */
static void socket_enter(Socket *s) {
  Socket **first = &s->state->open;
  if (s->link != NULL) return;
  s->next = *first;
  if (s->next != NULL) s->next->link = &s->next;
  s->link = first;
  *first = s;
}

/* Takes a socket off this list, and the descriptor from it. */
static void socket_leave(Socket *s) {
  s->fd = -1;
  if (s->link == NULL) return;
  *s->link = s->next;
  if (s->next != NULL) s->next->link = s->link;
  s->link = NULL;
}

/* Finds the socket that has a descriptor, in whatever state, on whatever loop;
   NULL: none has it. */
static const Socket *socket_of(const State *state, int fd) {
  const Socket *s = state->open;
  while (s != NULL && s->fd != fd) s = s->next;
  return s;
}

/* Tells whether a descriptor is that of another socket of the same family. */
static int is_taken(const Socket *own, int fd) {
  const Socket *s = socket_of(own->state, fd);
  return s != NULL && s != own && s->family == own->family;
}

/* kind(fd): names what a descriptor is, "udp4", "TCP"; and whether a socket has
   it already. */
int socket_kind(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  lua_pushstring(L, system_kind(fd));
  lua_pushboolean(L, socket_of(state_of(L), fd) != NULL);
  return 2;
}

/* Takes a descriptor and learns what the kernel can do for it. */
static void socket_take(Socket *s, int fd) {
  s->fd = fd;
  socket_enter(s);
  if (s->family == AF_UNIX) {
    system_accept_rights(fd, s->info >> INFO_DESCRIPTORS & 1);
    return;
  }
  s->queue.offload.segments = system_has_gso(fd) ? SYSTEM_SEGMENTS : 0;
  s->gro = system_enable_gro(fd, 1) == 0;
}

/* open(reuseAddr, reusePort, ipv6Only): opens the descriptor. */
static int open_socket(lua_State *L) {
  Socket *s = socket_check(L, 1);
  OpenOptions options;
  int fd;
  if (s->fd >= 0) return luaL_error(L, "socket is open already");
  options.family = s->family;
  options.reuse_addr = lua_toboolean(L, 2);
  options.reuse_port = lua_toboolean(L, 3);
  options.ipv6_only = lua_toboolean(L, 4);
  fd = system_open(&options);
  if (fd < 0) return push_failure(L, fd);
  socket_take(s, fd);
  return push_result(L, 0);
}

/* Pushes the text of an address and its port. */
static void push_address(lua_State *L, const Address *address) {
  char text[ADDRESS_TEXT];
  lua_pushlstring(L, text, address_text(address, text));
  lua_pushinteger(L, address_port(address));
}

/* Notes that the socket has a peer. */
static void socket_connected(Socket *s, const Address *peer) {
  queue_connect(&s->queue, peer);
  s->connected = 1;
}

/* adopt(fd): takes over a datagram socket's descriptor; returns true, and the
   address and port of its peer if it has one; nil and its kind when it is none
   of the socket's type, nil and EEXIST when a socket has it. */
static int adopt(lua_State *L) {
  Socket *s = socket_check(L, 1);
  int fd = (int)luaL_checkinteger(L, 2);
  Address peer;
  if (is_taken(s, fd)) return push_failure(L, -EEXIST);
  if (system_adopt(fd, s->family) < 0) {
    lua_pushnil(L);
    lua_pushstring(L, system_kind(fd));
    return 2;
  }
  if (s->fd >= 0 && s->fd != fd) system_close(s->fd);
  socket_take(s, fd);
  s->queue.named = system_is_named(fd);
  lua_pushboolean(L, 1);
  if (!system_peer(fd, &peer)) return 1;
  socket_connected(s, &peer);
  push_address(L, &peer);
  return 3;
}

/* pair(other): opens both sockets, connected to each other. */
static int pair(lua_State *L) {
  Socket *s = socket_check(L, 1), *other = socket_check(L, 2);
  Address nameless = {0};
  int fd[2], status = system_pair(fd);
  if (status < 0) return push_failure(L, status);
  socket_take(s, fd[0]);
  socket_take(other, fd[1]);
  socket_connected(s, &nameless);
  socket_connected(other, &nameless);
  return push_result(L, 0);
}

/* bindPath(path [, mode]): binds a unix socket; "" binds to a free name. */
static int bind_path(lua_State *L) {
  Socket *s = socket_open(L, 1);
  size_t size;
  const char *path = luaL_checklstring(L, 2, &size);
  int mode = (int)luaL_optinteger(L, 3, -1);
  Address address;
  int status = address_parse(&address, AF_UNIX, path, size, 0);
  if (status == 0) status = path_bind(s->fd, &address, mode, &s->path);
  if (status == 0) s->queue.named = 1;
  return push_result(L, status);
}

/* Reads an address at 2, with a port at 3; returns 0 or a negative errno. */
static int read_address(lua_State *L, const Socket *s, Address *out) {
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  return address_parse(out, s->family, text, size, socket_port(L, 3));
}

/* bind(address, port): binds an IP socket. */
static int bind_address(lua_State *L) {
  Socket *s = socket_open(L, 1);
  Address address;
  int status = read_address(L, s, &address);
  if (status == 0 && bind(s->fd, &address.name.base, address.length) < 0)
    status = -errno;
  return push_result(L, status);
}

/* connect(address [, port]): chooses the peer. */
static int connect_socket(lua_State *L) {
  Socket *s = socket_open(L, 1);
  Address address;
  int status = read_address(L, s, &address);
  if (status == 0) status = system_connect(s->fd, &address);
  if (status < 0) return push_failure(L, status);
  socket_connected(s, &address);
  return push_result(L, 0);
}

/* disconnect(): forgets the peer. */
static int disconnect(lua_State *L) {
  Socket *s = socket_open(L, 1);
  int status = queue_disconnect(&s->queue, s->fd);
  if (status == 0) status = system_disconnect(s->fd);
  if (status == 0) s->connected = 0;
  socket_request_turn(L, s, 1);
  return push_result(L, status);
}

/* name([peer]): returns address, port of this end or of the peer. */
static int name(lua_State *L) {
  Socket *s = socket_check(L, 1);
  int peer = lua_toboolean(L, 2), result;
  Address address;
  address.length = sizeof address.name;
  result = peer ? getpeername(s->fd, &address.name.base, &address.length)
                : getsockname(s->fd, &address.name.base, &address.length);
  if (result < 0) return push_failure(L, -errno);
  system_settle_name(&address);
  push_address(L, &address);
  return 2;
}

/* fastSend(flag): lets literal sends go straight to the queue. */
static int fast_send(lua_State *L) {
  socket_check(L, 1)->fast_send = (unsigned char)lua_toboolean(L, 2);
  return 0;
}

/* reading(flag): starts or stops the delivery of datagrams. */
static int reading(lua_State *L) {
  Socket *s = socket_check(L, 1);
  s->reading = (unsigned char)lua_toboolean(L, 2);
  if (s->reading && s->batch != NULL) socket_request_turn(L, s, 1);
  return 0;
}

/* Puts a value into the socket's own table. */
static void set_slot(lua_State *L, int slot) {
  lua_settop(L, 2);
  compat_getenv(L, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, slot);
}

/* listen(function or nil): chooses who gets the datagrams. */
static int listen_messages(lua_State *L) {
  socket_check(L, 1);
  set_slot(L, SLOT_LISTENER);
  return 0;
}

/* block(list or nil): chooses whose datagrams are not delivered. */
static int block(lua_State *L) {
  Socket *s = socket_check(L, 1);
  s->block =
      lua_isnoneornil(L, 2) ? NULL : luaL_checkudata(L, 2, BLOCKLIST_TYPE);
  set_slot(L, SLOT_BLOCK);
  return 0;
}

/* busyPoll(microseconds): how long a wake-up looks for more. */
static int set_busy_poll(lua_State *L) {
  socket_check(L, 1)->busy_poll = (int)luaL_checkinteger(L, 2);
  return 0;
}

/* limits(highWaterMark, maxQueue): bytes that may wait. */
static int limits(lua_State *L) {
  Socket *s = socket_check(L, 1);
  s->queue.high_water = (size_t)luaL_checkinteger(L, 2);
  s->queue.most = (size_t)luaL_checkinteger(L, 3);
  s->credit = 0;
  return 0;
}

/* trains(gso, gro): gives up trains on the way out, or in. */
static int trains(lua_State *L) {
  Socket *s = socket_open(L, 1);
  if (!lua_toboolean(L, 2)) s->queue.offload.segments = 0;
  if (s->gro && !lua_toboolean(L, 3)) s->gro = system_enable_gro(s->fd, 0) != 0;
  return 0;
}

/* Returns the kind of information that has a name; INFO_KINDS: none has. */
static int info_kind(const char *name) {
  int kind = 0;
  while (kind < INFO_KINDS && strcmp(system_info[kind].name, name) != 0) kind++;
  return kind;
}

/* Asks the kernel for as many messages as there is room for, next time. */
void socket_ask_all(Socket *s) {
  s->ask = batch_slots(s->control_room);
  s->alone = 0;
}

/* recvInfo(name): rinfo is to have this field too; nil, ENOTSUP where sockets of
   this family cannot know. */
static int recv_info(lua_State *L) {
  Socket *s = socket_check(L, 1);
  int kind = info_kind(luaL_checkstring(L, 2));
  luaL_argcheck(L, kind < INFO_KINDS, 2, "no field of rinfo");
  if (!system_can_tell(s->family, kind)) return push_failure(L, -ENOTSUP);
  if (!(s->info >> kind & 1)) s->fields++;
  s->info |= 1u << kind;
  s->control_room = system_control_room(s->family, s->info);
  socket_ask_all(s);
  return push_result(L, 0);
}

/* tell(): has the kernel tell what rinfo is to have. A unix socket that hears
   of credentials gets a name when it sends, for they go with its own. */
static int tell(lua_State *L) {
  Socket *s = socket_open(L, 1);
  int status = system_tell(s->fd, s->family, s->info);
  if (s->info >> INFO_CREDENTIALS & 1) s->queue.named = 1;
  return push_result(L, status);
}

/* Gives the batch back, with whatever is left in it. */
void socket_drop_batch(Socket *s) {
  if (s->batch != NULL) state_give_batch(s->state, s->batch);
  s->batch = NULL;
}

/* Removes the file; a forked child leaves it to the parent. */
static void drop_path(Socket *s) {
  if (loop_is_foreign(s->loop)) path_forget(&s->path);
  else path_remove(&s->path);
}

/* detach(): frees the port and the path; the number stays taken. */
static int detach(lua_State *L) {
  Socket *s = socket_open(L, 1);
  s->dropped = system_dropped(s->fd);
  s->fast_send = s->reading = 0;
  socket_drop_batch(s);
  drop_path(s);
  s->detached = 1;
  system_detach(s->fd);
  return 0;
}

/* Gives up everything the socket holds; may be called twice. */
void socket_release(Socket *s) {
  s->fast_send = 0;
  socket_drop_batch(s);
  queue_free(&s->queue);
  callback_free(s);
  drop_path(s);
  if (s->fd >= 0) system_close(s->fd);
  socket_leave(s);
}

/* close(): closes the descriptor; may be called twice. */
static int close_socket(lua_State *L) {
  socket_release(socket_check(L, 1));
  return 0;
}

/* disown(): lets go of the descriptor, without its trains, reports and
   peer, and leaves it open. */
static int disown(lua_State *L) {
  Socket *s = socket_open(L, 1);
  if (s->gro) system_enable_gro(s->fd, 0);
  if (s->queue.reports != NULL) system_report_errors(s->fd, s->family, 0);
  s->fast_send = s->connected = 0;
  s->queue.named = 0;
  queue_forget_peer(&s->queue);
  socket_leave(s);
  return 0;
}

/* fileno(): returns the descriptor, nil when it is not open. */
static int fileno_socket(lua_State *L) {
  Socket *s = socket_check(L, 1);
  if (s->fd < 0) return 0;
  lua_pushinteger(L, s->fd);
  return 1;
}

/* Sets a counter in the table on top. */
static void set_count(lua_State *L, const char *field, uint64_t value) {
  compat_pushcount(L, value);
  lua_setfield(L, -2, field);
}

/* stats(): returns a fresh table of counters. */
static int stats(lua_State *L) {
  Socket *s = socket_check(L, 1);
  const Ledger *ledger = &s->queue.ledger;
  unsigned segments = s->queue.offload.segments;
  if (socket_is_open(s)) s->dropped = system_dropped(s->fd);
  lua_createtable(L, 0, 16);
  set_count(L, "received", s->received);
  set_count(L, "receivedBytes", s->received_bytes);
  set_count(L, "sent", ledger->sent);
  set_count(L, "sentBytes", ledger->sent_bytes);
  set_count(L, "sendErrors", ledger->errors);
  set_count(L, "remoteErrors", ledger->async_errors);
  set_count(L, "dropped", s->dropped);
  set_count(L, "blocked", s->blocked);
  set_count(L, "truncated", s->truncated);
  set_count(L, "queued", ledger->count);
  set_count(L, "queuedBytes", ledger->bytes);
  set_count(L, "gso", segments > 1 ? segments : 0);
  set_count(L, "gro", s->gro ? SYSTEM_SEGMENTS : 0);
  return 1;
}

const luaL_Reg socket_methods[] = {
    {"open", open_socket},
    {"adopt", adopt},
    {"pair", pair},
    {"bind", bind_address},
    {"bindPath", bind_path},
    {"connect", connect_socket},
    {"disconnect", disconnect},
    {"name", name},
    {"fastSend", fast_send},
    {"reading", reading},
    {"listen", listen_messages},
    {"block", block},
    {"busyPoll", set_busy_poll},
    {"limits", limits},
    {"trains", trains},
    {"recvInfo", recv_info},
    {"tell", tell},
    {"detach", detach},
    {"close", close_socket},
    {"disown", disown},
    {"fileno", fileno_socket},
    {"stats", stats},
    {"__gc", close_socket},
    {NULL, NULL},
};
