/* SPDX-License-Identifier: MIT */
/*
 * Text and port <-> socket address: IPv4, IPv6 with a zone, unix paths and
 * abstract names. Numeric only: names of hosts never get here.
 */
#include "engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

/* Reads a zone (an interface's name or index); -ENODEV when unknown. */
static int zone_parse(const char *zone, uint32_t *scope) {
  char *end;
  unsigned long index = strtoul(zone, &end, 10);
  if (*zone >= '0' && *zone <= '9' && *end == '\0' && index <= UINT32_MAX)
    *scope = (uint32_t)index;
  else *scope = if_nametoindex(zone);
  return *scope != 0 ? 0 : -ENODEV;
}

/* Reads an IPv6 address with an optional %zone. */
static int parse_v6(struct sockaddr_in6 *out, char *text, int port) {
  char *zone = strchr(text, '%');
  if (zone != NULL) *zone++ = '\0';
  if (inet_pton(AF_INET6, text, &out->sin6_addr) != 1) return -EINVAL;
  out->sin6_family = AF_INET6;
  out->sin6_port = htons((uint16_t)port);
  return zone != NULL ? zone_parse(zone, &out->sin6_scope_id) : 0;
}

/* Reads a dotted IPv4 address. */
static int parse_v4(struct sockaddr_in *out, const char *text, int port) {
  if (inet_pton(AF_INET, text, &out->sin_addr) != 1) return -EINVAL;
  out->sin_family = AF_INET;
  out->sin_port = htons((uint16_t)port);
  return 0;
}

/* Takes a unix path, or an abstract name that begins with a zero byte. */
static int parse_local(Address *out, const char *path, size_t size) {
  if (size > sizeof out->name.local.sun_path) return -ENAMETOOLONG;
  if (size > 0 && path[0] != '\0' && memchr(path, '\0', size) != NULL)
    return -EINVAL;
  memset(&out->name, 0, sizeof out->name); /* a full path ends beyond it */
  out->name.local.sun_family = AF_UNIX;
  memcpy(out->name.local.sun_path, path, size);
  out->length = (socklen_t)(PATH_OFFSET + size);
  return 0;
}

/* Reads a numeric address; -EINVAL when the text is none of the family. */
int address_parse(Address *out, int family, const char *text, size_t size,
                  int port) {
  char copy[ADDRESS_TEXT];
  if (family == AF_UNIX) return parse_local(out, text, size);
  if (size >= sizeof copy || memchr(text, '\0', size) != NULL) return -EINVAL;
  memcpy(copy, text, size);
  copy[size] = '\0';
  memset(&out->name, 0, sizeof out->name.v6);
  if (family == AF_INET) {
    out->length = sizeof out->name.v4;
    return parse_v4(&out->name.v4, copy, port);
  }
  out->length = sizeof out->name.v6;
  return parse_v6(&out->name.v6, copy, port);
}

/* Makes an address of an IPv4 address's bytes, without a port. */
void address_of_v4(Address *out, const struct in_addr *bytes) {
  memset(&out->name, 0, sizeof out->name.v4);
  out->length = sizeof out->name.v4;
  out->name.v4.sin_family = AF_INET;
  out->name.v4.sin_addr = *bytes;
}

/* Makes an address of an IPv6 address's bytes, without a port; the zone counts
   where the address is link-local. */
void address_of_v6(Address *out, const struct in6_addr *bytes, unsigned zone) {
  memset(&out->name, 0, sizeof out->name.v6);
  out->length = sizeof out->name.v6;
  out->name.v6.sin6_family = AF_INET6;
  out->name.v6.sin6_addr = *bytes;
  if (IN6_IS_ADDR_LINKLOCAL(bytes)) out->name.v6.sin6_scope_id = zone;
}

/* Tells the family of a numeric address: 4, 6, or 0 when it is a name. */
int address_literal(const char *text) {
  unsigned char bytes[16];
  char copy[ADDRESS_TEXT];
  size_t size = strcspn(text, "%");
  if (inet_pton(AF_INET, text, bytes) == 1) return 4;
  if (size >= sizeof copy) return 0;
  memcpy(copy, text, size);
  copy[size] = '\0';
  return inet_pton(AF_INET6, copy, bytes) == 1 ? 6 : 0;
}

/* Returns the port of an IP address, 0 for every other. */
int address_port(const Address *address) {
  if (address->length == 0) return 0;
  switch (address->name.base.sa_family) {
    case AF_INET: return ntohs(address->name.v4.sin_port);
    case AF_INET6: return ntohs(address->name.v6.sin6_port);
    default: return 0;
  }
}

/* Writes an IPv6 address, with %interface when it is link-local. */
static size_t text_v6(const struct sockaddr_in6 *v6, char *text) {
  char zone[IF_NAMESIZE];
  size_t size;
  inet_ntop(AF_INET6, &v6->sin6_addr, text, ADDRESS_TEXT);
  size = strlen(text);
  if (v6->sin6_scope_id == 0) return size;
  if (if_indextoname(v6->sin6_scope_id, zone) == NULL)
    snprintf(zone, sizeof zone, "%u", (unsigned)v6->sin6_scope_id);
  return size +
         (size_t)snprintf(text + size, ADDRESS_TEXT - size, "%%%s", zone);
}

/* Copies a unix name: a path ends at its zero byte, an abstract one never. */
static size_t text_local(const Address *address, char *text) {
  size_t size =
      address->length > PATH_OFFSET ? address->length - PATH_OFFSET : 0;
  const char *path = (const char *)&address->name + PATH_OFFSET;
  if (size > 0 && path[0] != '\0') size = strnlen(path, size);
  memcpy(text, path, size);
  return size;
}

/* Writes the text without the port; text has room for ADDRESS_TEXT bytes. */
size_t address_text(const Address *address, char *text) {
  if (address->length < sizeof(sa_family_t)) return 0;
  switch (address->name.base.sa_family) {
    case AF_INET:
      inet_ntop(AF_INET, &address->name.v4.sin_addr, text, ADDRESS_TEXT);
      return strlen(text);
    case AF_INET6: return text_v6(&address->name.v6, text);
    default: return text_local(address, text);
  }
}

/* Tells whether two addresses are the same to the byte. */
int address_equal(const Address *a, const Address *b) {
  return a->length == b->length && memcmp(&a->name, &b->name, a->length) == 0;
}

/* Tells whether an IP address is that of a group, or 255.255.255.255. */
int address_is_group(const Address *address) {
  unsigned char bytes[16];
  uint32_t v4;
  if (!address_bytes(address, bytes)) return 0;
  memcpy(&v4, bytes + 12, sizeof v4);
  if (bytes[0] == 0xff) return 1;
  return (address->name.base.sa_family == AF_INET ||
          IN6_IS_ADDR_V4MAPPED(&address->name.v6.sin6_addr)) &&
         (IN_MULTICAST(ntohl(v4)) || v4 == INADDR_BROADCAST);
}

/* Writes an IP address as 16 bytes, IPv4 in its mapped form; 0 if neither. */
size_t address_bytes(const Address *address, unsigned char bytes[16]) {
  static const unsigned char mapped[12] = {0, 0, 0, 0, 0,   0,
                                           0, 0, 0, 0, 255, 255};
  if (address->length == 0) return 0;
  if (address->name.base.sa_family == AF_INET6) {
    memcpy(bytes, &address->name.v6.sin6_addr, 16);
    return 16;
  }
  if (address->name.base.sa_family != AF_INET) return 0;
  memcpy(bytes, mapped, 12);
  memcpy(bytes + 12, &address->name.v4.sin_addr, 4);
  return 16;
}
