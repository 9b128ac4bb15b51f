/* SPDX-License-Identifier: MIT */
/*
 * A socket's life: made closed, then opened or adopted, bound, connected,
 * detached and closed. The operating system's refusals are returned: nil and a
 * negative errno; only programming mistakes raise.
 */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns the socket at an index, in any state. */
Socket *socket_check(lua_State *L, int index) {
  return luaL_checkudata(L, index, SOCKET_TYPE);
}

/* Returns the socket at an index; raises unless it is open. */
Socket *socket_open(lua_State *L, int index) {
  Socket *s = socket_check(L, index);
  if (s->fd < 0) luaL_error(L, "socket is not open");
  return s;
}

/* Returns the port at an index, 0 when there is none. */
int socket_port(lua_State *L, int index) {
  lua_Integer port = luaL_optinteger(L, index, 0);
  luaL_argcheck(L, port >= 0 && port <= 65535, index, "no port");
  return (int)port;
}

/* Reads a type of socket. */
static int read_family(lua_State *L, int index) {
  static const char *const types[] = {"udp4", "udp6", "unix_dgram", NULL};
  static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
  return families[luaL_checkoption(L, index, NULL, types)];
}

/* Sets the fields a new socket starts with. */
static void socket_init(Socket *s, Loop *loop, int family) {
  memset(s, 0, sizeof *s);
  s->self = s;
  s->loop = loop;
  s->state = loop->state;
  s->fd = -1;
  s->family = family;
  s->reading = 1;
  s->high_water = s->max_queue = SIZE_MAX;
  queue_init(&s->queue, &s->state->pool);
}

/* socket(loop, type, owner): makes a socket that is not open yet. */
int socket_new(lua_State *L) {
  Loop *loop = luaL_checkudata(L, 1, LOOP_TYPE);
  int family = read_family(L, 2);
  Socket *s;
  lua_settop(L, 3);
  s = compat_newuserdata(L, sizeof *s);
  socket_init(s, loop, family);
  lua_createtable(L, SLOT_LOOP, 0);
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, SLOT_OWNER);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, SLOT_LOOP);
  compat_setenv(L, -2);
  luaL_getmetatable(L, SOCKET_TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

/* Takes a descriptor and learns what the kernel can do for it. */
static void socket_take(Socket *s, int fd) {
  s->fd = fd;
  s->queue.local = s->family == AF_UNIX;
  if (s->family == AF_UNIX) return;
  s->queue.segments = system_has_gso(fd) ? SYSTEM_SEGMENTS : 0;
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
  if (fd < 0) return core_failure(L, fd);
  socket_take(s, fd);
  return core_result(L, 0);
}

/* adopt(fd): takes over a datagram socket's descriptor; nil and its kind when
   it is none of the socket's type. */
static int adopt(lua_State *L) {
  Socket *s = socket_check(L, 1);
  int fd = (int)luaL_checkinteger(L, 2);
  if (system_adopt(fd, s->family) < 0) {
    lua_pushnil(L);
    lua_pushstring(L, system_kind(fd));
    return 2;
  }
  if (s->fd >= 0 && s->fd != fd) system_close(s->fd);
  socket_take(s, fd);
  return core_result(L, 0);
}

/* Remembers the file a unix path stands for, to remove it on close, also when
   the process has moved to another directory by then. */
static void remember_path(Socket *s, const Address *path) {
  const char *text = path->name.local.sun_path;
  struct stat info;
  if (text[0] == '\0' || lstat(text, &info) < 0) return;
  s->bound_path = realpath(text, NULL);
  s->device = (uint64_t)info.st_dev;
  s->inode = (uint64_t)info.st_ino;
}

/* Removes the path of a unix socket, if it is still the same file; a forked
   child leaves it to the parent. */
static void forget_path(Socket *s) {
  char *path = s->bound_path;
  struct stat info;
  if (path == NULL) return;
  s->bound_path = NULL;
  if (!loop_foreign(s->loop) && lstat(path, &info) == 0 &&
      (uint64_t)info.st_dev == s->device && (uint64_t)info.st_ino == s->inode)
    unlink(path);
  free(path);
}

/* bindPath(path [, mode]): binds a unix socket; "" binds to a free name. */
static int bind_path(lua_State *L) {
  Socket *s = socket_open(L, 1);
  size_t size;
  const char *path = luaL_checklstring(L, 2, &size);
  int mode = (int)luaL_optinteger(L, 3, -1);
  Address address;
  int status = address_parse(&address, AF_UNIX, path, size, 0);
  if (status == 0) status = system_bind_local(s->fd, &address, mode);
  if (status == 0 && size > 0) remember_path(s, &address);
  return core_result(L, status);
}

/* bind(address, port): binds an IP socket. */
static int bind_address(lua_State *L) {
  Socket *s = socket_open(L, 1);
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  int port = socket_port(L, 3);
  Address address;
  int status = address_parse(&address, s->family, text, size, port);
  if (status == 0 && bind(s->fd, &address.name.base, address.length) < 0)
    status = -errno;
  return core_result(L, status);
}

/* connect(address [, port]): chooses the peer. */
static int connect_socket(lua_State *L) {
  Socket *s = socket_open(L, 1);
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  int port = socket_port(L, 3), result;
  Address address;
  int status = address_parse(&address, s->family, text, size, port);
  if (status < 0) return core_failure(L, status);
  do result = connect(s->fd, &address.name.base, address.length);
  while (result < 0 && errno == EINTR);
  if (result < 0) return core_failure(L, -errno);
  s->connected = 1;
  return core_result(L, 0);
}

/* disconnect(): forgets the peer. */
static int disconnect(lua_State *L) {
  Socket *s = socket_open(L, 1);
  int status = system_disconnect(s->fd);
  if (status == 0) s->connected = 0;
  return core_result(L, status);
}

/* name([peer]): returns address, port of this end or of the peer. */
static int name(lua_State *L) {
  Socket *s = socket_check(L, 1);
  int peer = lua_toboolean(L, 2), result;
  char text[ADDRESS_TEXT];
  Address address;
  address.length = sizeof address.name;
  result = peer ? getpeername(s->fd, &address.name.base, &address.length)
                : getsockname(s->fd, &address.name.base, &address.length);
  if (result < 0) return core_failure(L, -errno);
  lua_pushlstring(L, text, address_text(&address, text));
  lua_pushinteger(L, address_port(&address));
  return 2;
}

/* ready(flag): lets literal sends go straight to the queue. */
static int ready(lua_State *L) {
  socket_check(L, 1)->ready = (unsigned char)lua_toboolean(L, 2);
  return 0;
}

/* reading(flag): starts or stops the delivery of datagrams. */
static int reading(lua_State *L) {
  Socket *s = socket_check(L, 1);
  s->reading = (unsigned char)lua_toboolean(L, 2);
  if (!s->reading || s->batch == NULL) return 0;
  loop_add(L, s, 1);
  loop_start(L, s, 1);
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

/* tune(highWaterMark, maxQueue, gso, gro): limits and the kernel's favours. */
static int tune(lua_State *L) {
  Socket *s = socket_open(L, 1);
  s->high_water = (size_t)luaL_checkinteger(L, 2);
  s->max_queue = (size_t)luaL_checkinteger(L, 3);
  if (!lua_toboolean(L, 4)) s->queue.segments = 0;
  if (s->gro && !lua_toboolean(L, 5)) s->gro = system_enable_gro(s->fd, 0) != 0;
  return 0;
}

/* detach(): frees the port and the path; the number stays taken. */
static int detach(lua_State *L) {
  Socket *s = socket_open(L, 1);
  s->dropped = system_dropped(s->fd);
  s->ready = s->reading = 0;
  input_drop(s);
  forget_path(s);
  s->detached = 1;
  system_detach(s->fd);
  return 0;
}

/* Gives up everything the socket holds; may be called twice. */
void socket_release(Socket *s) {
  s->ready = 0;
  input_drop(s);
  queue_free(&s->queue);
  forget_path(s);
  if (s->fd >= 0) system_close(s->fd);
  s->fd = -1;
}

/* close(): closes the descriptor; may be called twice. */
static int close_socket(lua_State *L) {
  socket_release(socket_check(L, 1));
  return 0;
}

/* disown(): lets go of the descriptor, without its trains, and leaves it open. */
static int disown(lua_State *L) {
  Socket *s = socket_open(L, 1);
  if (s->gro) system_enable_gro(s->fd, 0);
  s->ready = 0;
  s->fd = -1;
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
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, field);
}

/* stats(): returns a fresh table of counters. */
static int stats(lua_State *L) {
  Socket *s = socket_check(L, 1);
  if (s->fd >= 0 && !s->detached) s->dropped = system_dropped(s->fd);
  lua_createtable(L, 0, 16);
  set_count(L, "received", s->received);
  set_count(L, "receivedBytes", s->received_bytes);
  set_count(L, "sent", s->queue.sent);
  set_count(L, "sentBytes", s->queue.sent_bytes);
  set_count(L, "sendErrors", s->queue.errors);
  set_count(L, "remoteErrors", s->queue.remotes);
  set_count(L, "dropped", s->dropped);
  set_count(L, "blocked", s->blocked);
  set_count(L, "truncated", s->truncated);
  set_count(L, "queued", s->queue.count);
  set_count(L, "queuedBytes", s->queue.bytes);
  set_count(L, "gso", s->queue.segments > 1 ? s->queue.segments : 0);
  set_count(L, "gro", s->gro ? SYSTEM_SEGMENTS : 0);
  return 1;
}

const luaL_Reg socket_methods[] = {
    {"open", open_socket},
    {"adopt", adopt},
    {"bind", bind_address},
    {"bindPath", bind_path},
    {"connect", connect_socket},
    {"disconnect", disconnect},
    {"name", name},
    {"ready", ready},
    {"reading", reading},
    {"listen", listen_messages},
    {"block", block},
    {"tune", tune},
    {"poller", input_poller},
    {"detach", detach},
    {"close", close_socket},
    {"disown", disown},
    {"fileno", fileno_socket},
    {"stats", stats},
    {"__gc", close_socket},
    {NULL, NULL},
};
