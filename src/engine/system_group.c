/* SPDX-License-Identifier: MIT */
/*
 * The platform: memberships of multicast groups, and the names of interfaces.
 */
#include "system.h"

/* Finds the IPv4 address of an interface; that of 0 is the wildcard. */
static int address_of(int fd, unsigned interface, struct in_addr *out) {
  struct ifreq request;
  out->s_addr = INADDR_ANY;
  if (interface == 0) return 0;
  memset(&request, 0, sizeof request);
  if (if_indextoname(interface, request.ifr_name) == NULL) return -ENODEV;
  if (ioctl(fd, SIOCGIFADDR, &request) < 0) return -errno;
  *out = ((struct sockaddr_in *)(void *)&request.ifr_addr)->sin_addr;
  return 0;
}

#if HAVE_GROUP_REQ
/* Copies a name, with its length where names carry it. */
static void copy_name(struct sockaddr_storage *to, const Address *from) {
  memcpy(to, &from->name, from->length);
#ifdef SIN6_LEN
  to->ss_len = (uint8_t)from->length;
#endif
}

/* Joins or leaves an IPv4 group on an interface that is known by its index. */
static int member_by_index(int fd, const Address *group, unsigned interface,
                           int join) {
  struct group_req request = {.gr_interface = interface};
  copy_name(&request.gr_group, group);
  return set_option(fd, IPPROTO_IP, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP,
                    &request, sizeof request);
}
#endif

/* Joins or leaves an IPv4 group for all its sources. The BSDs take 0, the
   system's choice, for no index but for an address. */
static int member_v4(int fd, const Address *group, unsigned interface,
                     int join) {
  struct ip_mreq request = {.imr_multiaddr = group->name.v4.sin_addr};
  int status;
#if HAVE_GROUP_REQ
  if (interface != 0) return member_by_index(fd, group, interface, join);
#endif
  status = address_of(fd, interface, &request.imr_interface);
  if (status < 0) return status;
  return set_option(fd, IPPROTO_IP,
                    join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request,
                    sizeof request);
}

/* Joins or leaves an IPv6 group for all its sources. */
static int member_v6(int fd, const Address *group, unsigned interface,
                     int join) {
  struct ipv6_mreq request;
  request.ipv6mr_multiaddr = group->name.v6.sin6_addr;
  request.ipv6mr_interface = interface;
  return set_option(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP,
                    &request, sizeof request);
}

/* Joins or leaves a group for one source; -ENOTSUP where that is unknown. */
static int member_of_source(int fd, const Address *group, const Address *source,
                            unsigned interface, int join) {
#if HAVE_GROUP_REQ
  int level = group->name.base.sa_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  struct group_source_req request = {.gsr_interface = interface};
  copy_name(&request.gsr_group, group);
  copy_name(&request.gsr_source, source);
  return set_option(fd, level,
                    join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP,
                    &request, sizeof request);
#else
  (void)fd, (void)group, (void)source, (void)interface, (void)join;
  return -ENOTSUP;
#endif
}

/* Joins or leaves a group, of one source or of all, on an interface. */
int system_member(int fd, const Address *group, const Address *source,
                  unsigned interface, int join) {
  if (source != NULL)
    return member_of_source(fd, group, source, interface, join);
  return group->name.base.sa_family == AF_INET
             ? member_v4(fd, group, interface, join)
             : member_v6(fd, group, interface, join);
}

/* Chooses the interface IPv4 multicast leaves by. */
static int leave_by_v4(int fd, unsigned interface) {
#if HAVE_GROUP_REQ
  struct ip_mreqn request = {.imr_ifindex = (int)interface};
#else
  struct in_addr request;
  int status = address_of(fd, interface, &request);
  if (status < 0) return status;
#endif
  return set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
}

/* Chooses the interface IPv6 multicast leaves by, and IPv4's of the same socket,
   which may speak both, where the system knows that one by its index. */
static int leave_by_v6(int fd, unsigned interface) {
  int status = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface,
                          sizeof interface);
  if (status == 0) (void)leave_by_v4(fd, interface);
  return status;
}

/* Chooses the interface multicast leaves by: its index, or for IPv4 an address
   it has, which is the source then; 0 and none is the system's choice. */
int system_leave_by(int fd, int family, unsigned interface,
                    const struct in_addr *source) {
  if (family == AF_INET6) return leave_by_v6(fd, interface);
  if (source == NULL) return leave_by_v4(fd, interface);
  return set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, source, sizeof *source);
}

/* Finds the index of an interface where a socket is, which may be another
   network than its process has; -ENODEV when there is none of that name. */
int system_interface_index(int fd, const char *name, unsigned *index) {
#if defined(SIOCGIFINDEX) && defined(__linux__)
  struct ifreq request;
  memset(&request, 0, sizeof request);
  if (strlen(name) >= sizeof request.ifr_name) return -ENODEV;
  memcpy(request.ifr_name, name, strlen(name));
  if (ioctl(fd, SIOCGIFINDEX, &request) < 0) return -errno;
  *index = (unsigned)request.ifr_ifindex;
#else
  (void)fd;
  *index = if_nametoindex(name);
#endif
  return *index != 0 ? 0 : -ENODEV;
}
