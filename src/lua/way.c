/* SPDX-License-Identifier: MIT */
/*
 * Where a datagram goes and how it leaves, from the arguments of the facade to
 * what the engine wants.
 */
#include "binding.h"

#include <errno.h>
#include <string.h>

/* Reads a destination: text at index, port behind it; nil: the peer. */
static int read_destination(lua_State *L, const Socket *s, int index,
                            Address *to) {
  size_t size;
  const char *text;
  to->length = 0;
  if (lua_isnoneornil(L, index)) return 0;
  text = luaL_checklstring(L, index, &size);
  return address_parse(to, s->family, text, size, socket_port(L, index + 1));
}

/* Returns the family in which datagrams for an IP address cross the wire. */
static int crosses_as(const Address *address) {
  if (address->name.base.sa_family == AF_INET) return AF_INET;
  return IN6_IS_ADDR_V4MAPPED(&address->name.v6.sin6_addr) ? AF_INET : AF_INET6;
}

/* Returns the same for a destination of a socket, or for its peer; or a negative
   errno. */
static int wire_family(const Socket *s, const Address *to) {
  Address peer;
  if (s->family != AF_INET6) return s->family == AF_INET ? AF_INET : -ENOTSUP;
  if (to->length == 0) {
    peer.length = sizeof peer.name;
    if (getpeername(s->fd, &peer.name.base, &peer.length) < 0) return -errno;
    to = &peer;
  }
  return crosses_as(to);
}

/* Reads a source address, if there is one, and its zone; -EINVAL when it is none
   for the family on the wire. */
static int read_source(lua_State *L, const Socket *s, int index, Via *via) {
  unsigned char bytes[16];
  size_t size;
  Address from;
  const char *text = luaL_optlstring(L, index, NULL, &size);
  int status, v4;
  if (text == NULL) return 0;
  status = address_parse(&from, s->family, text, size, 0);
  if (status < 0) return status;
  v4 = crosses_as(&from) == AF_INET;
  if (v4 != (via->family == AF_INET)) return -EINVAL;
  address_bytes(&from, bytes);
  if (v4) memcpy(&via->from.v4, bytes + 12, sizeof via->from.v4);
  else memcpy(&via->from.v6, bytes, sizeof via->from.v6);
  if (!v4) via->interface = from.name.v6.sin6_scope_id;
  return 0;
}

/* Finds the index of the interface whose name stands at a place; that of the
   datagram which a listener hears just now is known. */
static int find_interface(lua_State *L, const Socket *s, int place,
                          unsigned *index) {
  size_t size;
  const char *name = luaL_checklstring(L, place, &size);
  if (strlen(name) != size) return -ENODEV;
  if (strcmp(name, s->heard_name) != 0 || *name == '\0')
    return system_interface_index(s->fd, name, index);
  *index = s->heard_by;
  return 0;
}

/* Reads an interface, if there is one: its index or its name. */
static int read_interface(lua_State *L, const Socket *s, int index, Via *via) {
  unsigned zone = via->interface;
  int status = 0;
  if (lua_isnoneornil(L, index)) return 0;
  if (lua_type(L, index) == LUA_TNUMBER)
    via->interface = (unsigned)lua_tointeger(L, index);
  else
    status = find_interface(L, s, index, &via->interface);
  if (status < 0) return status;
  return zone == 0 || zone == via->interface ? 0 : -EINVAL;
}

/* Lets the descriptors go that nobody else does. */
static int passed_gc(lua_State *L) {
  Passed **holder = luaL_checkudata(L, 1, PASSED_TYPE);
  if (*holder != NULL) passed_drop(*holder);
  *holder = NULL;
  return 0;
}

const luaL_Reg passed_methods[] = {{"__gc", passed_gc}, {NULL, NULL}};

/* Reads the numbers of an array; returns how many. */
static int read_numbers(lua_State *L, int index, int *fd) {
  int i, count = (int)compat_rawlen(L, index);
  luaL_argcheck(L, count <= PASSED_MOST, index, "too many descriptors");
  for (i = 0; i < count; i++) {
    lua_rawgeti(L, index, i + 1);
    fd[i] = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
  }
  return count;
}

/* Copies the descriptors whose numbers stand in an array at index, and puts what
   holds the copies there; returns 0 or a negative errno. */
static int read_passed(lua_State *L, int index, Way *way) {
  int fd[PASSED_MOST], count, error;
  way->passed = NULL;
  if (lua_isnoneornil(L, index)) return 0;
  count = read_numbers(L, index, fd);
  if (count == 0) return 0;
  way->passed = compat_newuserdata(L, sizeof *way->passed);
  *way->passed = NULL;
  luaL_getmetatable(L, PASSED_TYPE);
  lua_setmetatable(L, -2);
  lua_replace(L, index);
  *way->passed = passed_new(fd, count, &error);
  if (*way->passed == NULL) return error;
  memset(&way->via, 0, sizeof way->via);
  way->via.family = AF_UNIX;
  way->via.passed = *way->passed;
  way->route.via = &way->via;
  return 0;
}

/* Lets the descriptors go that were read; datagrams that wait have theirs. */
void way_leave(Way *way) {
  if (way->passed != NULL && *way->passed != NULL) passed_drop(*way->passed);
  if (way->passed != NULL) *way->passed = NULL;
}

/* Reads how a datagram leaves, unless all is nil: localAddress at index,
   interface, ttl and typeOfService behind it. */
static int read_via(lua_State *L, const Socket *s, int index, Route *route,
                    Via *via) {
  int i, status;
  route->via = NULL;
  for (i = index; i < index + 4 && lua_isnoneornil(L, i); i++) continue;
  if (i == index + 4) return 0;
  memset(via, 0, sizeof *via);
  via->ttl = (int)luaL_optinteger(L, index + 2, 0);
  via->tos = (int)luaL_optinteger(L, index + 3, -1);
  status = via->family = wire_family(s, &route->to);
  if (status >= 0) status = read_source(L, s, index, via);
  if (status >= 0) status = read_interface(L, s, index + 1, via);
  route->via = via;
  return status < 0 ? status : via_check(via);
}

/* Reads address, port, localAddress, interface, ttl, typeOfService and
   descriptors, from index on; returns 1, 0 when all is nil, or a negative errno.
   way_leave must follow, also when that is negative. */
int way_read(lua_State *L, const Socket *s, int index, Way *way) {
  Route *route = &way->route;
  int status = read_destination(L, s, index, &route->to);
  if (status >= 0) status = read_via(L, s, index + 2, route, &way->via);
  way->passed = NULL;
  if (status >= 0) status = read_passed(L, index + 6, way);
  if (status < 0) return status;
  return route->to.length > 0 || route->via != NULL;
}

/* supports(version, option): whether the platform lets a single datagram of IPv4
   or IPv6 have an option of its own. */
int way_supports(lua_State *L) {
  const char *name = luaL_checkstring(L, 2);
  Via via = {.tos = -1};
  via.family = luaL_checkinteger(L, 1) == 4 ? AF_INET : AF_INET6;
  if (strcmp(name, "localAddress") == 0) memset(&via.from, 1, sizeof via.from);
  else if (strcmp(name, "interface") == 0) via.interface = 1;
  else if (strcmp(name, "ttl") == 0) via.ttl = 1;
  else via.tos = 0;
  lua_pushboolean(L, via_check(&via) == 0);
  return 1;
}

/* isSource(address): whether datagrams can leave from where one was sent to; not
   from the address of a group, or of all on a link. */
int way_is_source(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  int family = memchr(text, ':', size) != NULL ? AF_INET6 : AF_INET;
  Address address;
  lua_pushboolean(L, address_parse(&address, family, text, size, 0) < 0 ||
                         !(address_is_group(&address) ||
                           state_is_broadcast(state_of(L), &address)));
  return 1;
}
