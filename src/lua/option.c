/* SPDX-License-Identifier: MIT */
/*
 * Socket options, as rows of the table in system_option.c, and multicast membership.
 * The operating system's refusals are returned: nil and a negative errno.
 */
#include "binding.h"

#include <errno.h>
#include <string.h>

/* Finds the row of an option; raises when there is none. */
static const OptionRow *option_row(lua_State *L, const char *name) {
  const OptionRow *row = system_options;
  while (row->name != NULL && strcmp(row->name, name) != 0) row++;
  if (row->name == NULL) luaL_error(L, "unknown option '%s'", name);
  return row;
}

/* Returns level and option for the family of a socket. */
static const int *option_pair(const Socket *s, const OptionRow *row) {
  if (s->family == AF_INET) return row->v4;
  return s->family == AF_INET6 ? row->v6 : row->local;
}

/* Sets an integer option, of IPv4 too where IPv6 has its own: a socket may speak
   both. */
static int set_row(lua_State *L, const OptionRow *row, int value) {
  Socket *s = socket_open(L, 1);
  const int *pair = option_pair(s, row);
  if (pair[0] < 0) return push_failure(L, -ENOTSUP);
  if (setsockopt(s->fd, pair[0], pair[1], &value, sizeof value) < 0)
    return push_failure(L, -errno);
  if (s->family == AF_INET6 && row->v4[0] == IPPROTO_IP)
    setsockopt(s->fd, row->v4[0], row->v4[1], &value, sizeof value);
  return push_result(L, 0);
}

/* set(name, value): sets an integer option. */
static int option_set(lua_State *L) {
  const OptionRow *row = option_row(L, luaL_checkstring(L, 2));
  return set_row(L, row, (int)luaL_checkinteger(L, 3));
}

/* dontFragment(flag): forbids or allows that a datagram is cut up. */
static int option_dont_fragment(lua_State *L) {
  const OptionRow *row = option_row(L, "dontFragment");
  return set_row(L, row, system_fragment[lua_toboolean(L, 2)]);
}

/* bindInterface("interface", name): hears and speaks by one interface only. */
static int option_bind_interface(lua_State *L) {
  Socket *s = socket_open(L, 1);
  size_t size;
  const char *name = luaL_checklstring(L, 3, &size);
  if (s->family == AF_UNIX) return push_failure(L, -ENOTSUP);
  if (strlen(name) != size) return push_failure(L, -ENODEV);
  return push_result(L, system_bind_interface(s->fd, name));
}

/* get(name): returns the value of an integer option. */
static int option_get(lua_State *L) {
  Socket *s = socket_open(L, 1);
  const int *pair = option_pair(s, option_row(L, luaL_checkstring(L, 2)));
  int value = 0;
  socklen_t size = sizeof value;
  if (pair[0] < 0) return push_failure(L, -ENOTSUP);
  if (getsockopt(s->fd, pair[0], pair[1], &value, &size) < 0)
    return push_failure(L, -errno);
  lua_pushinteger(L, value);
  return 1;
}

/* Returns text; with a zero byte in it, it stands for no interface. */
static const char *check_text(lua_State *L, int index) {
  size_t size;
  const char *text = luaL_checklstring(L, index, &size);
  return strlen(text) == size ? text : "";
}

/* Joins or leaves on every interface that can multicast; 0 when one did. */
static int membership_everywhere(Socket *s, const Address *group,
                                 const Address *source, int join) {
  unsigned index[256];
  int i, status = -ENODEV, done = 0;
  int count = multicast_interfaces(s->family, index, 256);
  for (i = 0; i < count; i++) {
    status = system_member(s->fd, group, source, index[i], join);
    if (status == 0) done++;
  }
  return done > 0 ? 0 : count < 0 ? count : status;
}

/* Returns the interface of an address's zone; 0 without one, or without address. */
static unsigned zone_of(const Address *address) {
  if (address == NULL || address->name.base.sa_family != AF_INET6) return 0;
  return address->name.v6.sin6_scope_id;
}

/* Has an interface agree with a zone, if any; -EINVAL when it is another. */
static int agree(unsigned *index, unsigned zone) {
  if (*index == 0) *index = zone;
  return zone == 0 || zone == *index ? 0 : -EINVAL;
}

/* Joins or leaves on the interface that is named, or that of the zones. */
static int membership(Socket *s, const Address *group, const Address *source,
                      const char *interface, int join) {
  unsigned index = 0;
  int status = 0;
  if (interface != NULL && strcmp(interface, "*") == 0)
    return zone_of(group) != 0 || zone_of(source) != 0
               ? -EINVAL
               : membership_everywhere(s, group, source, join);
  if (interface != NULL)
    status = multicast_interface(interface, s->family, &index);
  if (status == 0) status = agree(&index, zone_of(group));
  if (status == 0) status = agree(&index, zone_of(source));
  return status < 0 ? status : system_member(s->fd, group, source, index, join);
}

/* Reads an address of a socket's family. */
static int check_address(lua_State *L, int index, const Socket *s,
                         Address *out) {
  size_t size;
  const char *text = luaL_checklstring(L, index, &size);
  return address_parse(out, s->family, text, size, 0);
}

/* membership(join, group [, interface [, source]]): joins or leaves. */
static int option_membership(lua_State *L) {
  Socket *s = socket_open(L, 1);
  int join = lua_toboolean(L, 2), status;
  const char *interface = lua_isnoneornil(L, 4) ? NULL : check_text(L, 4);
  Address group, source, *from = lua_isnoneornil(L, 5) ? NULL : &source;
  if (s->family == AF_UNIX) return push_failure(L, -ENOTSUP);
  status = check_address(L, 3, s, &group);
  if (status == 0 && from != NULL) status = check_address(L, 5, s, from);
  if (status == 0) status = membership(s, &group, from, interface, join);
  return push_result(L, status);
}

/* multicastInterface(text): chooses the interface multicast leaves by. */
static int option_multicast_interface(lua_State *L) {
  Socket *s = socket_open(L, 1);
  const char *text = check_text(L, 2);
  const struct in_addr *source = NULL;
  Address address;
  unsigned index = 0;
  int status = 0;
  if (s->family == AF_UNIX) return push_failure(L, -ENOTSUP);
  if (s->family == AF_INET &&
      address_parse(&address, AF_INET, text, strlen(text), 0) == 0)
    source = &address.name.v4.sin_addr;
  else status = multicast_interface(text, s->family, &index);
  if (status == 0) status = system_leave_by(s->fd, s->family, index, source);
  return push_result(L, status == -ENODEV ? -EADDRNOTAVAIL : status);
}

/* reports(): has the kernel report datagrams that fail on their way; before the
   socket is open, tells whether it can. */
static int option_reports(lua_State *L) {
  Socket *s = socket_check(L, 1);
  int status;
  if (s->family == AF_UNIX || system_controls[CONTROL_ERROR_V4].level < 0)
    return push_failure(L, -ENOTSUP);
  if (s->fd < 0) return push_result(L, 0);
  if (s->queue.reports == NULL)
    s->queue.reports = reports_new(&s->queue.ledger);
  if (s->queue.reports == NULL) return push_failure(L, -ENOMEM);
  status = system_report_errors(s->fd, s->family, 1);
  return push_result(L, status);
}

const luaL_Reg option_methods[] = {
    {"set", option_set},
    {"get", option_get},
    {"dontFragment", option_dont_fragment},
    {"bindInterface", option_bind_interface},
    {"membership", option_membership},
    {"reports", option_reports},
    {"multicastInterface", option_multicast_interface},
    {NULL, NULL},
};
