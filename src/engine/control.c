/* SPDX-License-Identifier: MIT */
/*
 * Control messages, both ways: what the kernel tells of a message that came,
 * and what it is asked of one that leaves. One arm a kind; the numbers of the
 * kinds stand in system.c, for platforms differ.
 */
#include "engine.h"

#include <string.h>

/* Returns the kind of a control message; CONTROL_KINDS when it is none. */
static int control_kind(const struct cmsghdr *c) {
  int kind = 0;
  while (kind < CONTROL_KINDS &&
         (c->cmsg_level != system_controls[kind].level ||
          c->cmsg_type != system_controls[kind].type))
    kind++;
  return kind;
}

/* Reads a number, whatever its size. */
static int control_int(const struct cmsghdr *c) {
  size_t size = c->cmsg_len - CMSG_LEN(0);
  int value = 0;
  memcpy(&value, CMSG_DATA(c), size < sizeof value ? size : sizeof value);
  return value;
}

/* Reads what came with a message. */
void control_read(struct msghdr *header, Info *info) {
  struct cmsghdr *c = header->msg_controllen > 0 ? CMSG_FIRSTHDR(header) : NULL;
  memset(info, 0, sizeof *info);
  for (; c != NULL; c = CMSG_NXTHDR(header, c)) {
    int value = control_int(c);
    switch (control_kind(c)) {
      case CONTROL_GRO: info->segment = value > 0 ? (size_t)value : 0; break;
      default: break; /* others set its option before it was adopted */
    }
  }
}

/* Tells whether two routes are the same: then datagrams may share a train. */
int route_equal(const Route *a, const Route *b) {
  return address_equal(&a->to, &b->to);
}

/* Appends a control message to what a header has of its CONTROL_OUT bytes. */
static void control_append(struct msghdr *header, int kind, const void *data,
                           size_t size) {
  size_t used = header->msg_controllen;
  struct cmsghdr *c =
      (struct cmsghdr *)(void *)((char *)header->msg_control + used);
  header->msg_controllen = used + CMSG_SPACE(size);
  memset(c, 0, CMSG_SPACE(size)); /* with the padding: the kernel reads it */
  c->cmsg_level = system_controls[kind].level;
  c->cmsg_type = system_controls[kind].type;
  c->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(c), data, size);
}

/* Writes where a message goes, and what it needs besides; its header has a
   control buffer of CONTROL_OUT bytes. Without a route it goes to the peer. */
void control_write(struct msghdr *header, const Route *route,
                   unsigned segment) {
  uint16_t size = (uint16_t)segment;
  header->msg_controllen = 0;
  if (route != NULL) {
    header->msg_name = (void *)&route->to.name;
    header->msg_namelen = route->to.length;
  }
  if (segment > 0) control_append(header, CONTROL_GSO, &size, sizeof size);
  if (header->msg_controllen == 0) header->msg_control = NULL;
}
