/* SPDX-License-Identifier: MIT */
/*
 * The platform: the numbers of socket options and of control messages, and how the
 * kernel is asked to tell more of a datagram.
 */
#include "system.h"

#define NONE \
  { -1, 0 }
#define SOCKET(option) \
  { SOL_SOCKET, option }

/* Options that Linux alone has; elsewhere their names need not exist. */
#if HAVE_BATCHES
#define LINUX_SOCKET(option) SOCKET(option)
#define LINUX_IP(option) \
  { IPPROTO_IP, option }
#define LINUX_IPV6(option) \
  { IPPROTO_IPV6, option }
#else
#define LINUX_SOCKET(option) NONE
#define LINUX_IP(option) NONE
#define LINUX_IPV6(option) NONE
#endif

/* Datagrams that must not be cut up on their way. */
#if defined(IP_MTU_DISCOVER) && defined(IPV6_MTU_DISCOVER)
#define DONT_FRAGMENT_V4 \
  { IPPROTO_IP, IP_MTU_DISCOVER }
#define DONT_FRAGMENT_V6 \
  { IPPROTO_IPV6, IPV6_MTU_DISCOVER }
const int system_fragment[2] = {IP_PMTUDISC_DONT, IP_PMTUDISC_DO};
#else
#ifdef IP_DONTFRAG
#define DONT_FRAGMENT_V4 \
  { IPPROTO_IP, IP_DONTFRAG }
#else
#define DONT_FRAGMENT_V4 NONE
#endif
#define DONT_FRAGMENT_V6 \
  { IPPROTO_IPV6, IPV6_DONTFRAG }
const int system_fragment[2] = {0, 1};
#endif

/* Socket options that hold an int. */
const OptionRow system_options[] = {
    {"broadcast", SOCKET(SO_BROADCAST), SOCKET(SO_BROADCAST), NONE},
    {"recvBufferSize", SOCKET(SO_RCVBUF), SOCKET(SO_RCVBUF), SOCKET(SO_RCVBUF)},
    {"sendBufferSize", SOCKET(SO_SNDBUF), SOCKET(SO_SNDBUF), SOCKET(SO_SNDBUF)},
    {"ttl", {IPPROTO_IP, IP_TTL}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS}, NONE},
    {"multicastTTL",
     {IPPROTO_IP, IP_MULTICAST_TTL},
     {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
     NONE},
    {"multicastLoopback",
     {IPPROTO_IP, IP_MULTICAST_LOOP},
     {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
     NONE},
    {"typeOfService",
     {IPPROTO_IP, IP_TOS},
     {IPPROTO_IPV6, IPV6_TCLASS},
     NONE},
    {"dontFragment", DONT_FRAGMENT_V4, DONT_FRAGMENT_V6, NONE},
    {"mtu", LINUX_IP(IP_MTU), LINUX_IPV6(IPV6_MTU), NONE},
    {"multicastAll", LINUX_IP(IP_MULTICAST_ALL),
     LINUX_IPV6(IPV6_MULTICAST_ALL), NONE},
    {"freeBind", LINUX_IP(IP_FREEBIND), LINUX_IPV6(IPV6_FREEBIND), NONE},
    {"transparent", LINUX_IP(IP_TRANSPARENT), LINUX_IPV6(IPV6_TRANSPARENT),
     NONE},
    {"priority", LINUX_SOCKET(SO_PRIORITY), LINUX_SOCKET(SO_PRIORITY), NONE},
    {"mark", LINUX_SOCKET(SO_MARK), LINUX_SOCKET(SO_MARK), NONE},
    {"incomingCpu", LINUX_SOCKET(SO_INCOMING_CPU),
     LINUX_SOCKET(SO_INCOMING_CPU), NONE},
    {NULL, NONE, NONE, NONE},
};

/* What the kernel tells of a datagram when it is asked to, by INFO_. */
#if HAVE_PKTINFO
#define LOCAL_V4 \
  { IPPROTO_IP, IP_RECVPKTINFO }
#define INTERFACE_V4 LOCAL_V4
#elif defined(IP_RECVDSTADDR)
#define LOCAL_V4 \
  { IPPROTO_IP, IP_RECVDSTADDR }
#define INTERFACE_V4 NONE
#else
#define LOCAL_V4 NONE
#define INTERFACE_V4 NONE
#endif
#define LOCAL_V6 \
  { IPPROTO_IPV6, IPV6_RECVPKTINFO }
#define TTL_V4 \
  { IPPROTO_IP, IP_RECVTTL }
#define TOS_V4 \
  { IPPROTO_IP, IP_RECVTOS }
const InfoRow system_info[INFO_KINDS] = {
    [INFO_LOCAL_ADDRESS] = {"localAddress", LOCAL_V4, LOCAL_V6, NONE, NONE, 0},
    [INFO_INTERFACE] = {"interface", INTERFACE_V4, LOCAL_V6, NONE, NONE, 0},
    [INFO_TTL] = {"ttl", TTL_V4, {IPPROTO_IPV6, IPV6_RECVHOPLIMIT}, TTL_V4,
                  NONE, 0},
    [INFO_TYPE_OF_SERVICE] = {"typeOfService", TOS_V4,
                              {IPPROTO_IPV6, IPV6_RECVTCLASS}, TOS_V4, NONE, 0},
#if HAVE_TIMESTAMPNS
    [INFO_TIMESTAMP] = {"timestamp", SOCKET(SO_TIMESTAMPNS),
                        SOCKET(SO_TIMESTAMPNS), NONE, SOCKET(SO_TIMESTAMPNS),
                        CMSG_SPACE(sizeof(struct timespec))},
#else
    [INFO_TIMESTAMP] = {"timestamp", SOCKET(SO_TIMESTAMP), SOCKET(SO_TIMESTAMP),
                        NONE, SOCKET(SO_TIMESTAMP),
                        CMSG_SPACE(sizeof(struct timeval))},
#endif
#if HAVE_CREDENTIALS
    [INFO_CREDENTIALS] = {"credentials", NONE, NONE, NONE, SOCKET(SO_PASSCRED),
                          CMSG_SPACE(sizeof(struct ucred))},
#else
    [INFO_CREDENTIALS] = {"credentials", NONE, NONE, NONE, NONE, 0},
#endif
    [INFO_DESCRIPTORS] = {"descriptors", NONE, NONE, NONE, SOCKET(ALWAYS),
                          PASSED_ROOM},
};

/* Returns level and option that ask for a kind of information. */
static const int *info_pair(int family, int kind) {
  const InfoRow *row = &system_info[kind];
  if (family == AF_INET) return row->v4;
  return family == AF_INET6 ? row->v6 : row->local;
}

/* Tells whether sockets of a family can be told a kind of information. */
int system_can_tell(int family, int kind) {
  return info_pair(family, kind)[0] >= 0;
}

/* Asks to be told what is wanted of each datagram, 1 << INFO_; returns 0 or a
   negative errno. */
int system_tell(int fd, int family, unsigned wanted) {
  int kind, status = 0;
  for (kind = 0; kind < INFO_KINDS && status == 0; kind++) {
    const int *pair = info_pair(family, kind);
    const int *mapped = system_info[kind].mapped;
    if (!(wanted >> kind & 1) || pair[1] == ALWAYS) continue;
    status = set_int(fd, pair[0], pair[1], 1);
    if (family == AF_INET6 && mapped[0] >= 0)
      set_int(fd, mapped[0], mapped[1], 1);
  }
  return status;
}

/* Returns the bytes of control messages that a socket has room for. Those of a
   unix socket are what was asked for and not a byte more: what else came would
   be descriptors that nobody wants. */
size_t system_control_room(int family, unsigned wanted) {
  size_t room = 0;
  int kind;
  if (family != AF_UNIX) return CONTROL_ROOM;
  for (kind = 0; kind < INFO_KINDS; kind++)
    if (wanted >> kind & 1) room += system_info[kind].room;
  return room;
}

/* What the system sets in msg_flags when a datagram came to all on a link. */
#ifdef MSG_BCAST
const int system_broadcast_flag = MSG_BCAST;
#else
const int system_broadcast_flag = 0;
#endif

/* Reads local address and interface of IPv4, which platforms lay out differently.
   Linux tells another source for an answer when the address is that of a group or
   of all on a link. Returns which are there, 1 << INFO_. */
unsigned system_read_pktinfo(const void *data, size_t size,
                             struct in_addr *local, unsigned *interface,
                             int *broadcast) {
#if HAVE_PKTINFO
  struct in_pktinfo info;
  if (size < sizeof info) return 0;
  memcpy(&info, data, sizeof info);
  *local = info.ipi_addr;
  *interface = (unsigned)info.ipi_ifindex;
#ifdef __linux__
  *broadcast = info.ipi_spec_dst.s_addr != info.ipi_addr.s_addr;
#else
  (void)broadcast;
#endif
  return 1u << INFO_LOCAL_ADDRESS | 1u << INFO_INTERFACE;
#else
  (void)interface, (void)broadcast;
  if (size < sizeof *local) return 0;
  memcpy(local, data, sizeof *local);
  return 1u << INFO_LOCAL_ADDRESS;
#endif
}

/* Reads who sent a unix datagram; returns whether it is there. */
int system_read_credentials(const void *data, size_t size, Credentials *out) {
#if HAVE_CREDENTIALS
  struct ucred who;
  if (size < sizeof who) return 0;
  memcpy(&who, data, sizeof who);
  out->pid = (int)who.pid;
  out->uid = (unsigned)who.uid;
  out->gid = (unsigned)who.gid;
  return 1;
#else
  (void)data, (void)size, (void)out;
  return 0;
#endif
}

/* Finds the name of an interface, of IF_NAMESIZE bytes, where the socket is: it
   may be of another network than its process. Returns whether there is one. */
int system_interface_name(int fd, unsigned index, char *name) {
#if defined(SIOCGIFNAME) && defined(__linux__)
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_ifindex = (int)index;
  if (ioctl(fd, SIOCGIFNAME, &request) < 0) return 0;
  memcpy(name, request.ifr_name, IF_NAMESIZE);
  return 1;
#else
  (void)fd;
  return if_indextoname(index, name) != NULL;
#endif
}

/* What a single IPv4 message may say of how it leaves. */
#if HAVE_PKTINFO
#define SEND_SOURCE \
  { IPPROTO_IP, IP_PKTINFO }
#elif defined(IP_SENDSRCADDR)
#define SEND_SOURCE \
  { IPPROTO_IP, IP_SENDSRCADDR }
#else
#define SEND_SOURCE NONE
#endif
#if defined(__linux__) && DGRAM_PORTABLE < 2
#define SEND_TTL \
  { IPPROTO_IP, IP_TTL }
#else
#define SEND_TTL NONE
#endif
#if (defined(__linux__) && DGRAM_PORTABLE < 2) || defined(__FreeBSD__) || \
    defined(__APPLE__)
#define SEND_TOS \
  { IPPROTO_IP, IP_TOS }
#else
#define SEND_TOS NONE
#endif

/* Control messages; what a platform lacks is never read nor written. */
const ControlRow system_controls[CONTROL_KINDS] = {
#if HAVE_BATCHES
    [CONTROL_GRO] = {IPPROTO_UDP, UDP_GRO},
    [CONTROL_GSO] = {IPPROTO_UDP, UDP_SEGMENT},
    [CONTROL_ERROR_V4] = {IPPROTO_IP, IP_RECVERR},
    [CONTROL_ERROR_V6] = {IPPROTO_IPV6, IPV6_RECVERR},
#else
    [CONTROL_GRO] = NONE,
    [CONTROL_GSO] = NONE,
    [CONTROL_ERROR_V4] = NONE,
    [CONTROL_ERROR_V6] = NONE,
#endif
#if HAVE_PKTINFO
    [CONTROL_PKTINFO] = {IPPROTO_IP, IP_PKTINFO},
#elif defined(IP_RECVDSTADDR)
    [CONTROL_PKTINFO] = {IPPROTO_IP, IP_RECVDSTADDR},
#else
    [CONTROL_PKTINFO] = NONE,
#endif
    [CONTROL_PKTINFO6] = {IPPROTO_IPV6, IPV6_PKTINFO},
    [CONTROL_TTL] = {IPPROTO_IP, IP_TTL},
    [CONTROL_RECVTTL] = {IPPROTO_IP, IP_RECVTTL},
    [CONTROL_HOPLIMIT] = {IPPROTO_IPV6, IPV6_HOPLIMIT},
    [CONTROL_TOS] = {IPPROTO_IP, IP_TOS},
    [CONTROL_RECVTOS] = {IPPROTO_IP, IP_RECVTOS},
    [CONTROL_TCLASS] = {IPPROTO_IPV6, IPV6_TCLASS},
#if HAVE_TIMESTAMPNS
    [CONTROL_TIMESTAMPNS] = {SOL_SOCKET, SO_TIMESTAMPNS},
#else
    [CONTROL_TIMESTAMPNS] = NONE,
#endif
    [CONTROL_TIMESTAMP] = {SOL_SOCKET, SCM_TIMESTAMP},
#if HAVE_CREDENTIALS
    [CONTROL_CREDENTIALS] = {SOL_SOCKET, SCM_CREDENTIALS},
#else
    [CONTROL_CREDENTIALS] = NONE,
#endif
    [CONTROL_RIGHTS] = {SOL_SOCKET, SCM_RIGHTS},
#ifdef SCM_PIDFD
    [CONTROL_PIDFD] = {SOL_SOCKET, SCM_PIDFD},
#else
    [CONTROL_PIDFD] = NONE,
#endif
    [CONTROL_SOURCE] = SEND_SOURCE,
    [CONTROL_SENDTTL] = SEND_TTL,
    [CONTROL_SENDTOS] = SEND_TOS,
};

/* Writes the source address and the interface of an IPv4 message, as
   CONTROL_SOURCE has them; returns the bytes, -ENOTSUP where the platform takes
   no interface. */
int system_write_source(void *data, struct in_addr from, unsigned interface) {
#if HAVE_PKTINFO
  struct in_pktinfo info;
  memset(&info, 0, sizeof info);
  info.ipi_ifindex = (int)interface;
#ifdef __NetBSD__
  info.ipi_addr = from;
#else
  info.ipi_spec_dst = from;
#endif
  memcpy(data, &info, sizeof info);
  return sizeof info;
#else
  memcpy(data, &from, sizeof from);
  return interface == 0 ? (int)sizeof from : -ENOTSUP;
#endif
}

/* Writes the same for an IPv6 message, as CONTROL_PKTINFO6 has it. */
int system_write_source6(void *data, const struct in6_addr *from,
                         unsigned interface) {
  struct in6_pktinfo info;
  memset(&info, 0, sizeof info);
  info.ipi6_addr = *from;
  info.ipi6_ifindex = interface;
  memcpy(data, &info, sizeof info);
  return sizeof info;
}
