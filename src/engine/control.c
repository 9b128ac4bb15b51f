/* SPDX-License-Identifier: MIT */
/*
 * Control messages, both ways: what the kernel tells of a message that came,
 * and what it is asked of one that leaves. One arm a kind; the numbers of the
 * kinds stand in system_option.c, for platforms differ.
 */
#include "engine.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>

/* Returns the kind of a control message; CONTROL_KINDS when it is none. */
static int control_kind(const struct cmsghdr *c) {
  int kind = 0;
  while (kind < CONTROL_KINDS &&
         (c->cmsg_level != system_controls[kind].level ||
          c->cmsg_type != system_controls[kind].type))
    kind++;
  return kind;
}

/* What a control message carries. */
typedef struct Carried {
  const unsigned char *data; /* its bytes, aligned for nothing */
  size_t size;               /* how many there are */
} Carried;

/* Returns what a control message carries, as far as it came. */
static Carried control_carried(const struct msghdr *header,
                               const struct cmsghdr *c) {
  const char *end = (const char *)header->msg_control + header->msg_controllen;
  size_t left = (size_t)(end - (const char *)c), length = c->cmsg_len;
  Carried carried = {CMSG_DATA(c), 0};
  if (length > left) length = left;
  if (length > CMSG_LEN(0)) carried.size = length - CMSG_LEN(0);
  return carried;
}

/* Copies what is carried, if it is as large as that; returns whether it is. */
static int control_copy(Carried from, void *to, size_t size) {
  if (from.size < size) return 0;
  memcpy(to, from.data, size);
  return 1;
}

/* Reads a number: an int, or a byte. */
static int control_int(Carried from) {
  int value = 0;
  if (control_copy(from, &value, sizeof value)) return value;
  return from.size > 0 ? from.data[0] : 0;
}

/* Notes that something was told. */
static void note(Info *info, int kind) { info->told |= 1u << kind; }

/* Reads where an IPv4 datagram was sent to, and the interface it came in by,
   unless an IPv6 socket was told that in the mapped form. */
static void read_pktinfo(Carried from, Info *info) {
  struct in_addr local;
  unsigned told;
  if (info->told >> INFO_LOCAL_ADDRESS & 1) return;
  told = system_read_pktinfo(from.data, from.size, &local, &info->interface,
                             &info->broadcast);
  if (told != 0) address_of_v4(&info->local, &local);
  info->told |= told;
}

/* Reads the same at a socket of IPv6. */
static void read_pktinfo6(Carried from, Info *info) {
  struct in6_pktinfo local;
  if (!control_copy(from, &local, sizeof local)) return;
  info->interface = (unsigned)local.ipi6_ifindex;
  address_of_v6(&info->local, &local.ipi6_addr, info->interface);
  note(info, INFO_LOCAL_ADDRESS);
  note(info, INFO_INTERFACE);
}

/* Reads the bytes a segment of a train has. */
static void read_segment(Carried from, Info *info) {
  int size = control_int(from);
  info->segment = size > 0 ? (unsigned)size : 0;
}

/* Reads how many hops are left. */
static void read_ttl(Carried from, Info *info) {
  info->ttl = control_int(from);
  note(info, INFO_TTL);
}

/* Reads type of service, or traffic class. */
static void read_type_of_service(Carried from, Info *info) {
  info->type_of_service = control_int(from);
  note(info, INFO_TYPE_OF_SERVICE);
}

/* Reads when it came. */
static void read_timespec(Carried from, Info *info) {
  if (control_copy(from, &info->timestamp, sizeof info->timestamp))
    note(info, INFO_TIMESTAMP);
}

/* Reads when it came, to the microsecond. */
static void read_timeval(Carried from, Info *info) {
  struct timeval time;
  if (!control_copy(from, &time, sizeof time)) return;
  info->timestamp.tv_sec = time.tv_sec;
  info->timestamp.tv_nsec = (long)(time.tv_usec % 1000000) * 1000;
  note(info, INFO_TIMESTAMP);
}

/* Reads who sent it. */
static void read_credentials(Carried from, Info *info) {
  if (system_read_credentials(from.data, from.size, &info->credentials))
    note(info, INFO_CREDENTIALS);
}

/* Notes the descriptors that came, whether they were asked for or not. */
static void read_rights(Carried from, Rights *rights) {
  rights_add(rights, from.data, from.size);
}

/* Closes a descriptor for the sender's process; the kernel may tell that it has
   none. */
static void close_pidfd(Carried from) {
  int fd;
  if (control_copy(from, &fd, sizeof fd) && fd >= 0) system_close(fd);
}

/* Reads what came with a message. What is none of these kinds others asked for
   before a descriptor was adopted. */
void control_read(struct msghdr *header, Info *info, Rights *rights) {
  struct cmsghdr *c = header->msg_controllen > 0 ? CMSG_FIRSTHDR(header) : NULL;
  info->segment = info->told = 0;
  info->broadcast = header->msg_flags & system_broadcast_flag;
  for (; c != NULL; c = CMSG_NXTHDR(header, c)) {
    Carried carried = control_carried(header, c);
    switch (control_kind(c)) {
      case CONTROL_GRO: read_segment(carried, info); break;
      case CONTROL_PKTINFO: read_pktinfo(carried, info); break;
      case CONTROL_PKTINFO6: read_pktinfo6(carried, info); break;
      case CONTROL_TTL:
      case CONTROL_RECVTTL:
      case CONTROL_HOPLIMIT: read_ttl(carried, info); break;
      case CONTROL_TOS:
      case CONTROL_RECVTOS:
      case CONTROL_TCLASS: read_type_of_service(carried, info); break;
      case CONTROL_TIMESTAMPNS: read_timespec(carried, info); break;
      case CONTROL_TIMESTAMP: read_timeval(carried, info); break;
      case CONTROL_CREDENTIALS: read_credentials(carried, info); break;
      case CONTROL_RIGHTS: read_rights(carried, rights); break;
      case CONTROL_PIDFD: close_pidfd(carried); break;
      default: break;
    }
  }
}

/* How Linux lays out an error (linux/errqueue.h); an address follows, that of the
   host that told of it. */
typedef struct ExtendedError {
  uint32_t error;
  uint8_t origin, type, code, pad;
  uint32_t info, data;
} ExtendedError;

/* Reads the address behind an error; what is none, or cut off, has no length. */
static void read_offender(Carried from, Address *out) {
  Carried rest = {from.data + sizeof(ExtendedError),
                  from.size - sizeof(ExtendedError)};
  sa_family_t family = AF_UNSPEC;
  out->length = 0;
  memset(&out->name, 0, sizeof out->name.v6);
  control_copy(rest, &family, sizeof family);
  if (family == AF_INET && control_copy(rest, &out->name, sizeof out->name.v4))
    out->length = sizeof out->name.v4;
  if (family == AF_INET6 && control_copy(rest, &out->name, sizeof out->name.v6))
    out->length = sizeof out->name.v6;
}

/* Reads an error, and who told of it. */
static void read_error(Carried from, Report *report) {
  ExtendedError e;
  if (!control_copy(from, &e, sizeof e)) return;
  report->error = e.error <= INT32_MAX ? -(int)e.error : 0;
  report->origin = e.origin;
  report->type = e.type;
  report->code = e.code;
  report->info = e.info;
  read_offender(from, &report->offender);
}

/* Reads what came with a message of the queue of errors; without an origin it is
   none of the network's. */
void control_read_report(struct msghdr *header, Report *report) {
  struct cmsghdr *c = header->msg_controllen > 0 ? CMSG_FIRSTHDR(header) : NULL;
  report->origin = ORIGIN_NONE;
  for (; c != NULL; c = CMSG_NXTHDR(header, c)) {
    int kind = control_kind(c);
    if (kind == CONTROL_ERROR_V4 || kind == CONTROL_ERROR_V6)
      read_error(control_carried(header, c), report);
  }
}

/* Tells whether two ways to leave are the same. */
static int via_equal(const Via *a, const Via *b) {
  return a == b || (a != NULL && b != NULL && memcmp(a, b, sizeof *a) == 0);
}

/* Tells whether two routes are the same: then datagrams may share a train. */
int route_equal(const Route *a, const Route *b) {
  return address_equal(&a->to, &b->to) && via_equal(a->via, b->via);
}

/* Returns the destination of a route; NULL: the peer. */
const Address *route_to(const Route *route) {
  return route != NULL && route->to.length > 0 ? &route->to : NULL;
}

/* Returns the descriptors of a route; NULL: none. */
Passed *route_passed(const Route *route) {
  return route != NULL && route->via != NULL ? route->via->passed : NULL;
}

/* Returns a route to where one leads, in the way of another, which may be NULL:
   in room, unless it is the first already. */
const Route *route_by(const Route *to, const Route *how, Route *room) {
  if (how == NULL || how->via == NULL) return to;
  memcpy(&room->to, &to->to, offsetof(Address, name) + to->to.length);
  room->via = how->via;
  return room;
}

/* Appends a control message to what a header has of its CONTROL_OUT bytes;
   -ENOTSUP where the platform knows no such message. */
static int control_append(struct msghdr *header, int kind, const void *data,
                           size_t size) {
  size_t used = header->msg_controllen;
  struct cmsghdr *c =
      (struct cmsghdr *)(void *)((char *)header->msg_control + used);
  if (system_controls[kind].level < 0) return -ENOTSUP;
  header->msg_controllen = used + CMSG_SPACE(size);
  memset(c, 0, CMSG_SPACE(size)); /* with the padding: the kernel reads it */
  c->cmsg_level = system_controls[kind].level;
  c->cmsg_type = system_controls[kind].type;
  c->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(c), data, size);
  return 0;
}

/* Appends the source address and the interface, if there are any. */
static int source_append(struct msghdr *header, const Via *via) {
  static const Via none;
  char data[SYSTEM_SOURCE];
  int size, v6 = via->family == AF_INET6;
  if (via->interface == 0 &&
      memcmp(&via->from, &none.from, sizeof none.from) == 0)
    return 0;
  size = v6 ? system_write_source6(data, &via->from.v6, via->interface)
            : system_write_source(data, via->from.v4, via->interface);
  if (size < 0) return size;
  return control_append(header, v6 ? CONTROL_PKTINFO6 : CONTROL_SOURCE, data,
                        (size_t)size);
}

/* Appends how a message leaves; -ENOTSUP where the platform cannot say it. */
static int via_append(struct msghdr *header, const Via *via) {
  int v6 = via->family == AF_INET6, ttl = via->ttl, tos = via->tos;
  int status = source_append(header, via);
  if (status == 0 && ttl > 0)
    status = control_append(header, v6 ? CONTROL_HOPLIMIT : CONTROL_SENDTTL, &ttl,
                            sizeof ttl);
  if (status == 0 && tos >= 0)
    status = control_append(header, v6 ? CONTROL_TCLASS : CONTROL_SENDTOS, &tos,
                            sizeof tos);
  return status;
}

/* Tells whether the platform can do what a datagram asks: 0 or -ENOTSUP. */
int via_check(const Via *via) {
  size_t control[CONTROL_OUT / sizeof(size_t)];
  struct msghdr header = {.msg_control = control};
  return via_append(&header, via);
}

/* Has a message pass descriptors; such a one needs nothing besides. */
static void pass(struct msghdr *header, Passed *passed) {
  header->msg_control = passed->control;
  header->msg_controllen = passed->size;
}

/* Writes where a message goes, and what it needs besides, which via_check has
   allowed; its header has a control buffer of CONTROL_OUT bytes. Without a route
   it goes to the peer. */
void control_write(struct msghdr *header, const Route *route,
                   unsigned segment) {
  uint16_t size = (uint16_t)segment;
  header->msg_controllen = 0;
  if (route != NULL) {
    header->msg_name = route->to.length > 0 ? (void *)&route->to.name : NULL;
    header->msg_namelen = route->to.length;
    if (route_passed(route) != NULL) pass(header, route_passed(route));
    else if (route->via != NULL) via_append(header, route->via);
  }
  if (segment > 0) control_append(header, CONTROL_GSO, &size, sizeof size);
  if (header->msg_controllen == 0) header->msg_control = NULL;
}
