/* SPDX-License-Identifier: MIT */
/*
 * The platform's files as macOS and the BSDs compile them, against system calls that
 * answer as those kernels do: xnu and FreeBSD, in_mcast.c, in6_mcast.c, uipc_socket.c.
 * To be compiled with -U__linux__ -DDGRAM_PORTABLE=1.
 */
#include "../../src/engine/engine.h"
#include "../../src/lua/compat.h"

#include <errno.h>
#include <string.h>

#define SIN6_LEN          /* names carry their length, */
#define ss_len __ss_align /* where Linux has nothing */

static int set[8], sets; /* options of SOL_SOCKET that were set */
static int parts;        /* connect(2) makes the socket forget its peer */

/* Refuses a call. */
static int refuse(int error) {
  errno = error;
  return -1;
}

/* Tells whether a name says how long it is. */
static int has_length(const struct sockaddr_storage *name) {
  return name->ss_len == (name->ss_family == AF_INET
                              ? sizeof(struct sockaddr_in)
                              : sizeof(struct sockaddr_in6));
}

/* Joins a group by index; an interface must be named. */
static int join_group(const struct group_req *request) {
  if (!has_length(&request->gr_group)) return refuse(EINVAL);
  return request->gr_interface == 0 ? refuse(EADDRNOTAVAIL) : 0;
}

/* Joins a group for one source. */
static int join_source(const struct group_source_req *request) {
  if (!has_length(&request->gsr_group) || !has_length(&request->gsr_source))
    return refuse(EINVAL);
  return request->gsr_interface == 0 ? refuse(EADDRNOTAVAIL) : 0;
}

/* Chooses an interface for multicast: of an ip_mreqn the address counts for nothing. */
static int choose(const void *value, socklen_t size) {
  const struct ip_mreqn *request = value;
  if (size != sizeof *request) return 0;
  return request->imr_address.s_addr != 0 ? refuse(EADDRNOTAVAIL) : 0;
}

/* setsockopt(2) */
static int bsd_setsockopt(int fd, int level, int option, const void *value,
                          socklen_t size) {
  (void)fd;
  if (level == SOL_SOCKET && sets < 8) set[sets++] = option;
  if (level == SOL_SOCKET) return 0;
  switch (option) {
    case MCAST_JOIN_GROUP: return join_group(value);
    case MCAST_JOIN_SOURCE_GROUP: return join_source(value);
    case IP_ADD_MEMBERSHIP:
      return size == sizeof(struct ip_mreq) ? 0 : refuse(EINVAL);
    case IP_MULTICAST_IF: return choose(value, size);
    default: return 0;
  }
}

/* connect(2) to no family: an error, although it is done. */
static int bsd_connect(int fd, const struct sockaddr *name, socklen_t size) {
  (void)fd, (void)name, (void)size;
  return refuse(EAFNOSUPPORT);
}

/* getpeername(2) */
static int bsd_getpeername(int fd, struct sockaddr *name, socklen_t *size) {
  (void)fd, (void)name, (void)size;
  return parts ? refuse(ENOTCONN) : 0;
}

#define setsockopt bsd_setsockopt
#define connect bsd_connect
#define getpeername bsd_getpeername

#include "../../src/engine/errno.c"
#include "../../src/engine/system.c"
#include "../../src/engine/system_group.c"

/* Pushes what a function of the engine answered: a number, or an error's name. */
static int answer(lua_State *L, int status) {
  if (status < 0) lua_pushstring(L, errno_name(status));
  else lua_pushinteger(L, status);
  return 1;
}

/* Makes an address of a family, of zeros. */
static Address address_in(int family) {
  Address address = {.length = family == AF_INET ? sizeof address.name.v4
                                                 : sizeof address.name.v6};
  memset(&address.name, 0, sizeof address.name);
  address.name.base.sa_family = (sa_family_t)family;
  return address;
}

/* join(v6, interface, of_source) */
int join(lua_State *L) {
  Address of = address_in(lua_toboolean(L, 1) ? AF_INET6 : AF_INET);
  const Address *source = lua_toboolean(L, 3) ? &of : NULL;
  return answer(L, system_member(-1, &of, source, (unsigned)lua_tointeger(L, 2), 1));
}

/* leave_by(): multicast leaves by the interface that has an address. */
int leave_by(lua_State *L) {
  struct in_addr source = {htonl(INADDR_LOOPBACK)};
  return answer(L, system_leave_by(-1, AF_INET, 0, &source));
}

/* disconnect(parts): whether connect(2) makes it forget its peer */
int disconnect(lua_State *L) {
  parts = lua_toboolean(L, 1);
  return answer(L, system_disconnect(-1));
}

/* unnamed(): the length of a name of zeros, which a sender without a name has */
int unnamed(lua_State *L) {
  Address address = address_in(AF_UNIX);
  address.length = 16;
  system_settle_name(&address);
  return answer(L, (int)address.length);
}

/* restrict_mode(): a bind with a mode */
int restrict_mode(lua_State *L) {
  return answer(L, system_restrict_mode(-1, 0600));
}

/* share(spread): reuseAddr, or reusePort; and the options that were set. */
int share(lua_State *L) {
  int i, spread = lua_toboolean(L, 1);
  sets = 0;
  answer(L, spread ? set_reuse_port(-1, AF_INET) : set_reuse_addr(-1));
  for (i = 0; i < sets; i++) lua_pushinteger(L, set[i]);
  return 1 + sets;
}

/* options(): SO_REUSEADDR, SO_REUSEPORT */
int options(lua_State *L) {
  lua_pushinteger(L, SO_REUSEADDR);
  lua_pushinteger(L, SO_REUSEPORT);
  return 2;
}
