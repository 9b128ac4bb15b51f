/* SPDX-License-Identifier: MIT */
/*
 * The interfaces on which multicast is joined and leaves, which users spell by
 * address, zone, name or index.
 */
#include "engine.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

/* Tells whether an interface's address is the one that is looked for. */
static int owns(const struct ifaddrs *each, const Address *address) {
  const struct sockaddr *name = each->ifa_addr;
  if (name == NULL || name->sa_family != address->name.base.sa_family) return 0;
  if (name->sa_family == AF_INET)
    return ((const struct sockaddr_in *)(const void *)name)->sin_addr.s_addr ==
           address->name.v4.sin_addr.s_addr;
  return memcmp(&((const struct sockaddr_in6 *)(const void *)name)->sin6_addr,
                &address->name.v6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* Finds the interface that has an address; -ENODEV when none has. */
static int find_owner(const Address *address, unsigned *index) {
  struct ifaddrs *list, *each;
  if (getifaddrs(&list) < 0) return -errno;
  *index = 0;
  for (each = list; each != NULL && *index == 0; each = each->ifa_next)
    if (owns(each, address)) *index = if_nametoindex(each->ifa_name);
  freeifaddrs(list);
  return *index != 0 ? 0 : -ENODEV;
}

/* Tells whether an address is the wildcard of its family. */
static int is_wildcard(const Address *address) {
  if (address->name.base.sa_family == AF_INET)
    return address->name.v4.sin_addr.s_addr == INADDR_ANY;
  return IN6_IS_ADDR_UNSPECIFIED(&address->name.v6.sin6_addr);
}

/* Tells whether there is an interface of this index. */
static int exists(unsigned index) {
  char name[IF_NAMESIZE];
  return index != 0 && if_indextoname(index, name) != NULL;
}

/* Finds an interface by the zone of an address, or as its owner; 0: any. */
static int find_by_address(const char *text, int family, unsigned *index) {
  Address address;
  int status = address_parse(&address, family, text, strlen(text), 0);
  if (status < 0) return status;
  *index = family == AF_INET6 ? address.name.v6.sin6_scope_id : 0;
  if (*index != 0) return exists(*index) ? 0 : -ENODEV;
  return is_wildcard(&address) ? 0 : find_owner(&address, index);
}

/* Finds an interface by its name, or its index. */
static int find_by_name(const char *text, unsigned *index) {
  char *end;
  unsigned long number = strtoul(text, &end, 10);
  *index = if_nametoindex(text);
  if (*index == 0 && end != text && *end == '\0' && number <= INT32_MAX &&
      exists((unsigned)number))
    *index = (unsigned)number;
  return *index != 0 ? 0 : -ENODEV;
}

/* Finds an interface by address, "::%zone", name or index; 0: any. */
int multicast_interface(const char *text, int family, unsigned *index) {
  int literal = address_literal(text);
  if (*text == '\0') return -EINVAL;
  if (literal == 4 && family == AF_INET6) return -EINVAL;
  if (literal == 0) return find_by_name(text, index);
  return find_by_address(text, literal == 4 ? AF_INET : AF_INET6, index);
}

/* Tells whether an index is listed already. */
static int listed(const unsigned *index, int count, unsigned wanted) {
  while (count-- > 0)
    if (index[count] == wanted) return 1;
  return 0;
}

/* Lists the interfaces that are up and can multicast; returns how many. */
int multicast_interfaces(int family, unsigned *index, int room) {
  const unsigned wanted = IFF_UP | IFF_MULTICAST;
  struct ifaddrs *list, *each;
  int count = 0;
  if (getifaddrs(&list) < 0) return -errno;
  for (each = list; each != NULL && count < room; each = each->ifa_next) {
    unsigned found = if_nametoindex(each->ifa_name);
    if (each->ifa_addr == NULL || each->ifa_addr->sa_family != family) continue;
    if ((each->ifa_flags & wanted) != wanted) continue;
    if (found != 0 && !listed(index, count, found)) index[count++] = found;
  }
  freeifaddrs(list);
  return count;
}
