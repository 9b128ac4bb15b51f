/* SPDX-License-Identifier: MIT */
/*
 * The only file with the platform's #ifdefs: opening sockets, the system calls
 * that move many datagrams at once or the loops that replace them, and the
 * numbers of options and control messages. DGRAM_PORTABLE=1 leaves out what only
 * Linux has, DGRAM_PORTABLE=2 also what NetBSD and OpenBSD lack.
 */
#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef DGRAM_PORTABLE
#define DGRAM_PORTABLE 0
#endif

#if defined(__linux__) && DGRAM_PORTABLE == 0
#define HAVE_BATCHES 1
#else
#define HAVE_BATCHES 0
#endif

/* Multicast by the index of an interface, and of one source; NetBSD and OpenBSD
   know IPv4 interfaces by their address. */
#if defined(MCAST_JOIN_GROUP) && DGRAM_PORTABLE < 2
#define HAVE_GROUP_REQ 1
#else
#define HAVE_GROUP_REQ 0
#endif

/* Local address and interface of IPv4 in one message; OpenBSD tells the address
   alone. */
#if defined(IP_PKTINFO) && DGRAM_PORTABLE < 2
#define HAVE_PKTINFO 1
#ifndef IP_RECVPKTINFO
#define IP_RECVPKTINFO IP_PKTINFO
#endif
#else
#define HAVE_PKTINFO 0
#endif

/* The time of arrival in nanoseconds; elsewhere it is in microseconds. */
#if defined(SO_TIMESTAMPNS) && DGRAM_PORTABLE == 0
#define HAVE_TIMESTAMPNS 1
#else
#define HAVE_TIMESTAMPNS 0
#endif

/* Who sent a unix datagram, whether the sender wants to tell or not. */
#if defined(SO_PASSCRED) && DGRAM_PORTABLE < 2
#define HAVE_CREDENTIALS 1
#else
#define HAVE_CREDENTIALS 0
#endif

#if HAVE_BATCHES
#include <linux/sockios.h>
#include <sys/epoll.h>
#ifndef __GLIBC__ /* musl's is a loop of sendmsg. The kernel reads its padding */
#include <sys/syscall.h> /* too, which is zero in what control.c writes. */
#define sendmmsg(...) (int)syscall(SYS_sendmmsg, __VA_ARGS__)
#endif
#endif

#ifdef __linux__
#ifndef SO_SELECT_ERR_QUEUE
#define SO_SELECT_ERR_QUEUE 45
#endif
#ifndef IPV6_MULTICAST_ALL /* what headers older than the kernel lack */
#define IPV6_MULTICAST_ALL 29
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#endif

#if defined(MSG_CMSG_CLOEXEC) && DGRAM_PORTABLE == 0
#define RECEIVE_SECURE MSG_CMSG_CLOEXEC
#define RECEIVE_FLAGS (MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
#else
#define RECEIVE_FLAGS MSG_DONTWAIT
#endif

/* Repeats a call that a signal interrupted. */
#define RETRY(result, call) \
  do result = (call);       \
  while (result < 0 && errno == EINTR)

/* Sets an option; returns 0 or a negative errno. */
static int set_option(int fd, int level, int option, const void *value,
                      size_t size) {
  return setsockopt(fd, level, option, value, (socklen_t)size) < 0 ? -errno : 0;
}

/* Sets an option that holds an int; returns 0 or a negative errno. */
static int set_int(int fd, int level, int option, int value) {
  return set_option(fd, level, option, &value, sizeof value);
}

/* Keeps the library that has an object in memory until the process ends: LuaJIT
   calls finalizers of what was made while a state closes when it has unloaded
   its modules. */
void system_stay_loaded(const void *object) {
  Dl_info info;
  if (dladdr(object, &info) != 0 && info.dli_fname != NULL)
    (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

/* Returns memory that is zero in a child after fork(2); NULL where there is
   none. An emulator that ignores all advice does not refuse what is none. */
static pid_t *wiped_by_fork(void) {
#ifdef MADV_WIPEONFORK
  pid_t *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return NULL;
  if (madvise(page, sizeof *page, -1) < 0 &&
      madvise(page, sizeof *page, MADV_WIPEONFORK) == 0)
    return page;
  munmap(page, sizeof *page);
#endif
  return NULL;
}

static pid_t *process; /* who we are, 0 in a new child; NULL: not remembered */

/* Prepares to remember the process; to be called before system_process(). */
void system_start(void) {
  pid_t *page, *none = NULL;
  if (__atomic_load_n(&process, __ATOMIC_ACQUIRE) != NULL) return;
  page = wiped_by_fork();
  if (!__atomic_compare_exchange_n(&process, &none, page, 0, __ATOMIC_RELEASE,
                                   __ATOMIC_RELAXED) && page != NULL)
    munmap(page, sizeof *page);
}

/* Returns getpid(2), without a system call where that can be. */
pid_t system_process(void) {
  pid_t *known = __atomic_load_n(&process, __ATOMIC_ACQUIRE);
  if (known == NULL) return getpid();
  if (__atomic_load_n(known, __ATOMIC_RELAXED) == 0)
    __atomic_store_n(known, getpid(), __ATOMIC_RELAXED);
  return __atomic_load_n(known, __ATOMIC_RELAXED);
}

/* ---------------------------------------------------------------- opening */

/* Has a descriptor closed on exec; returns 0 or a negative errno. */
int system_close_on_exec(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0 ? -errno : 0;
}

/* Has a descriptor that came with a datagram closed on exec, where the system
   could not be asked to do that itself. */
void system_secure(int fd) {
#ifdef RECEIVE_SECURE
  (void)fd;
#else
  (void)system_close_on_exec(fd);
#endif
}

/* Makes a descriptor non-blocking and closed on exec. */
static int prepare_descriptor(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  return system_close_on_exec(fd);
}

/* Opens a raw descriptor of a family. */
static int open_descriptor(int family) {
  int fd;
#ifdef SOCK_CLOEXEC
  fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
#else
  int status;
  fd = socket(family, SOCK_DGRAM, 0);
  if (fd < 0) return -errno;
  status = prepare_descriptor(fd);
  if (status < 0) close(fd);
  return status < 0 ? status : fd;
#endif
}

/* Shares the address in the way the platform spells it. */
static int set_reuse_addr(int fd) {
  int status = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
#if defined(SO_REUSEPORT) && !defined(__linux__)
  if (status == 0) status = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
#endif
  return status;
}

/* Spreads the datagrams of one port over sockets; -ENOTSUP where unknown. */
static int set_reuse_port(int fd) {
#if defined(SO_REUSEPORT_LB)
  return set_int(fd, SOL_SOCKET, SO_REUSEPORT_LB, 1);
#elif defined(__linux__) || defined(__DragonFly__)
  return set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
#else
  (void)fd;
  return -ENOTSUP;
#endif
}

/* Lets a poller tell a pending error from a failed descriptor. */
static void mark_error_queue(int fd) {
#ifdef SO_SELECT_ERR_QUEUE
  set_int(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1);
#else
  (void)fd;
#endif
}

/* Lets a unix socket send as much as one receives, if allowed. */
static void widen_send_buffer(int fd) {
  set_int(fd, SOL_SOCKET, SO_SNDBUF, SYSTEM_LOCAL / 2);
}

/* Applies the options that must precede bind. */
static int apply_options(int fd, const OpenOptions *options) {
  int status = 0;
  mark_error_queue(fd);
  if (options->family == AF_INET6)
    status = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->ipv6_only);
  if (options->family == AF_UNIX) widen_send_buffer(fd);
  if (status == 0 && options->reuse_addr) status = set_reuse_addr(fd);
  if (status == 0 && options->reuse_port) status = set_reuse_port(fd);
  return status;
}

/* Opens a socket; returns the descriptor or a negative errno. */
int system_open(const OpenOptions *options) {
  int fd = open_descriptor(options->family);
  int status;
  if (fd < 0) return fd;
  status = apply_options(fd, options);
  if (status == 0) return fd;
  close(fd);
  return status;
}

/* Opens two descriptors of unix sockets. */
static int open_descriptors(int fd[2]) {
#ifdef SOCK_CLOEXEC
  return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) <
                 0
             ? -errno
             : 0;
#else
  int status;
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) < 0) return -errno;
  status = prepare_descriptor(fd[0]);
  if (status == 0) status = prepare_descriptor(fd[1]);
  if (status < 0) close(fd[0]), close(fd[1]);
  return status;
#endif
}

/* Opens two unix sockets that are connected to each other; returns 0 or a
   negative errno. */
int system_pair(int fd[2]) {
  int i, status = open_descriptors(fd);
  for (i = 0; status == 0 && i < 2; i++) {
    mark_error_queue(fd[i]);
    widen_send_buffer(fd[i]);
  }
  return status;
}

/* Tells the family and the type of a socket; returns 0 or a negative errno. */
static int describe(int fd, int *family, int *type) {
  struct sockaddr_storage name;
  socklen_t length = sizeof name, size = sizeof *type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, type, &size) < 0) return -errno;
  if (getsockname(fd, (struct sockaddr *)&name, &length) < 0) return -errno;
  *family = name.ss_family;
  return 0;
}

/* Takes over a descriptor of datagrams of a family; any other is left as it
   is: -EPROTOTYPE. */
int system_adopt(int fd, int wanted) {
  int family, type, status = describe(fd, &family, &type);
  if (status < 0) return status;
  if (type != SOCK_DGRAM || family != wanted) return -EPROTOTYPE;
  mark_error_queue(fd);
  return prepare_descriptor(fd);
}

/* Tells whether a unix socket has a name that others can send to. */
int system_is_named(int fd) {
  Address address;
  address.length = sizeof address.name;
  if (getsockname(fd, &address.name.base, &address.length) < 0) return 0;
  system_settle_name(&address);
  return address.length > offsetof(struct sockaddr_un, sun_path);
}

/* Finds the peer of a socket; returns whether it has one. One without a name has
   no length. */
int system_peer(int fd, Address *peer) {
  peer->length = sizeof peer->name;
  if (getpeername(fd, &peer->name.base, &peer->length) < 0) return 0;
  system_settle_name(peer);
  if (peer->length <= offsetof(struct sockaddr_un, sun_path)) peer->length = 0;
  return 1;
}

/* Names the kind of a socket. */
static const char *socket_kind(int family, int type) {
  static const struct {
    int family, type;
    const char *name;
  } kinds[] = {
      {AF_INET, SOCK_DGRAM, "udp4"},      {AF_INET6, SOCK_DGRAM, "udp6"},
      {AF_UNIX, SOCK_DGRAM, "unix_dgram"}, {AF_INET, SOCK_STREAM, "TCP"},
      {AF_INET6, SOCK_STREAM, "TCP"},     {AF_UNIX, SOCK_STREAM, "PIPE"},
  };
  size_t i = 0, count = sizeof kinds / sizeof *kinds;
  while (i < count && (kinds[i].family != family || kinds[i].type != type)) i++;
  return i < count ? kinds[i].name : "UNKNOWN";
}

/* Names what a descriptor is: the type of a datagram socket as the Lua side
   spells it, another kind in capitals. */
const char *system_kind(int fd) {
  struct stat info;
  int family, type;
  if (fstat(fd, &info) < 0) return "INVALID";
  if (S_ISREG(info.st_mode)) return "FILE";
  if (S_ISFIFO(info.st_mode)) return "PIPE";
  if (isatty(fd)) return "TTY";
  if (!S_ISSOCK(info.st_mode) || describe(fd, &family, &type) < 0)
    return "UNKNOWN";
  return socket_kind(family, type);
}

/* Closes a descriptor. Linux frees it even when a signal interrupts. */
void system_close(int fd) { (void)close(fd); }

/* Frees the port but keeps the number: /dev/null takes the socket's place.
   Without a descriptor to spare the port is free when the socket is closed. */
void system_detach(int fd) {
  int result, null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
#ifdef __linux__
  RETRY(result, dup3(null, fd, O_CLOEXEC));
#else
  RETRY(result, dup2(null, fd));
#endif
  (void)result;
  close(null);
}

/* Has the path that a socket is bound to appear with no more than a mode;
   -ENOTSUP where only the umask, which all threads share, says so. */
int system_restrict_mode(int fd, int mode) {
#ifdef __linux__
  return fchmod(fd, (mode_t)mode) < 0 ? -errno : 0;
#else
  (void)fd;
  (void)mode;
  return -ENOTSUP;
#endif
}

/* Gives a path the bits that the umask took away; it must be a socket of ours,
   not what somebody put in its place. Only where O_PATH tells that safely. */
void system_widen_mode(const char *path, int mode) {
#ifdef O_PATH
  char link[32];
  struct stat info;
  int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (fstat(file, &info) == 0 && S_ISSOCK(info.st_mode) &&
      info.st_uid == geteuid() && (info.st_mode & 0777) != (mode_t)mode)
    (void)!chmod(link, (mode_t)mode);
  close(file);
#else
  (void)path;
  (void)mode;
#endif
}

/* Chooses the peer. */
int system_connect(int fd, const Address *peer) {
  int result;
  RETRY(result, connect(fd, &peer->name.base, peer->length));
  return result < 0 ? -errno : 0;
}

/* Tells whether a socket has a peer. */
static int has_peer(int fd) {
  struct sockaddr_storage name;
  socklen_t length = sizeof name;
  return getpeername(fd, (struct sockaddr *)&name, &length) == 0 ||
         errno != ENOTCONN;
}

/* Forgets the peer of a connected socket. What the BSDs answer to that differs,
   but they do it. */
int system_disconnect(int fd) {
  struct sockaddr none;
  int result, error;
  memset(&none, 0, sizeof none);
  none.sa_family = AF_UNSPEC;
  RETRY(result, connect(fd, &none, sizeof none));
  error = errno;
  return result < 0 && has_peer(fd) ? -error : 0;
}

/* Gives the name that stands for none no length: where paths are the only names
   of unix sockets, that of zero bytes. */
void system_settle_name(Address *address) {
#ifndef __linux__
  if (address->length > 0 && address->name.base.sa_family == AF_UNIX &&
      address->name.local.sun_path[0] == '\0')
    address->length = 0;
#else
  (void)address;
#endif
}

/* Takes the socket's pending error; 0 when there is none. */
int system_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return -errno;
  return -error;
}

/* Has the kernel keep reports of datagrams that fail on their way, or no more;
   those of IPv4 also for a socket of IPv6. */
int system_report_errors(int fd, int family, int on) {
#if HAVE_BATCHES
  int status = set_int(fd, IPPROTO_IP, IP_RECVERR, on);
  if (status == 0 && family == AF_INET6)
    status = set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, on);
  return status;
#else
  (void)fd, (void)family, (void)on;
  return -ENOTSUP;
#endif
}

/* Takes the oldest message off the queue of errors of an IP socket; returns the
   bytes of its payload, -EAGAIN when there is none. */
int system_receive_error(int fd, struct msghdr *header) {
#ifdef MSG_ERRQUEUE
  ssize_t size;
  RETRY(size, recvmsg(fd, header, MSG_ERRQUEUE | MSG_DONTWAIT));
  return size < 0 ? -errno : (int)size;
#else
  (void)fd, (void)header;
  return -EAGAIN;
#endif
}

/* Empties the queue of errors of an IP socket, which keeps it readable without a
   datagram: options set by others filled it, before it was adopted. */
void system_drain_errors(int fd) {
  struct msghdr header;
  int left = SYSTEM_MESSAGES;
  memset(&header, 0, sizeof header);
  while (left-- > 0 && system_receive_error(fd, &header) >= 0)
    ;
}

/* Tells whether somebody shut a socket down: it is readable then for good. */
int system_is_shut_down(int fd) {
  struct pollfd state = {fd, POLLIN, 0};
#ifdef POLLRDHUP
  state.events |= POLLRDHUP;
  return poll(&state, 1, 0) > 0 && (state.revents & POLLRDHUP);
#else
  return poll(&state, 1, 0) > 0 && (state.revents & POLLHUP);
#endif
}

/* Tells whether what a unix socket sent and nobody has read yet fills its send
   buffer: then the kernel refuses what it sends, to whomever. */
int system_is_buffer_full(int fd) {
#if HAVE_BATCHES
  int unread = 0, room = 0;
  socklen_t size = sizeof room;
  return ioctl(fd, SIOCOUTQ, &unread) == 0 &&
         getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &size) == 0 &&
         unread >= room;
#else
  (void)fd;
  return 0;
#endif
}

/* Gives a socket as large a send buffer as another has; Linux tells twice what
   was asked for. */
void system_copy_send_buffer(int from, int to) {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  if (getsockopt(from, SOL_SOCKET, SO_SNDBUF, &bytes, &size) == 0)
    set_int(to, SOL_SOCKET, SO_SNDBUF, bytes / 2);
}

/* Tells whether a poller would say that a descriptor is writable. */
int system_is_writable(int fd) {
  struct pollfd state = {fd, POLLOUT, 0};
  return poll(&state, 1, 0) > 0;
}

/* Looks again and again, for so many microseconds, whether there is something to
   read; tells whether there is. To sleep and be woken would take longer. */
int system_spin(int fd, int microseconds) {
  struct pollfd state = {fd, POLLIN, 0};
  struct timespec start, now;
  long passed;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    if (poll(&state, 1, 0) > 0) return 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    passed = (now.tv_sec - start.tv_sec) * 1000000 +
             (now.tv_nsec - start.tv_nsec) / 1000;
  } while (passed < microseconds);
  return 0;
}

/* Has a socket hear and speak by one interface only. A name that is cut off is
   that of another. */
int system_bind_interface(int fd, const char *name) {
#if HAVE_BATCHES
  size_t size = strlen(name);
  if (size >= IF_NAMESIZE) return -ENODEV;
  return set_option(fd, SOL_SOCKET, SO_BINDTODEVICE, name, size);
#else
  (void)fd, (void)name;
  return -ENOTSUP;
#endif
}

/* Has a watcher, which is made when it is -1, watch a descriptor for events of
   poll(2) and nothing else. A watcher is a descriptor that is readable while one
   it watches is ready. */
int system_watch(int *watcher, int fd, int events) {
#if HAVE_BATCHES
  struct epoll_event event = {.events = (unsigned)events, .data.fd = fd};
  if (*watcher < 0) *watcher = epoll_create1(EPOLL_CLOEXEC);
  if (*watcher < 0) return -errno;
  if (epoll_ctl(*watcher, EPOLL_CTL_ADD, fd, &event) == 0 ||
      (errno == EEXIST && epoll_ctl(*watcher, EPOLL_CTL_MOD, fd, &event) == 0))
    return 0;
  return -errno;
#else
  (void)watcher;
  (void)fd;
  (void)events;
  return -ENOTSUP;
#endif
}

/* Takes a descriptor off a watcher, before it is closed: a forked child may
   have it open still. */
void system_unwatch(int watcher, int fd) {
#if HAVE_BATCHES
  if (watcher >= 0) epoll_ctl(watcher, EPOLL_CTL_DEL, fd, NULL);
#else
  (void)watcher;
  (void)fd;
#endif
}

/* Tells which of the descriptors that a watcher watches are ready now, as poll(2)
   does; returns how many. */
int system_ready(int watcher, struct pollfd list[SYSTEM_READY]) {
#if HAVE_BATCHES
  struct epoll_event events[SYSTEM_READY];
  int i, count = epoll_wait(watcher, events, SYSTEM_READY, 0);
  for (i = 0; i < count; i++) {
    list[i].fd = events[i].data.fd;
    list[i].revents = (short)events[i].events;
  }
  return count < 0 ? 0 : count;
#else
  (void)watcher;
  (void)list;
  return 0;
#endif
}

/* ------------------------------------------------------- many datagrams */

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
#else
#define SEND_FLAGS MSG_DONTWAIT
#endif

#if HAVE_BATCHES
_Static_assert(sizeof(Message) == sizeof(struct mmsghdr) &&
                   offsetof(Message, size) == offsetof(struct mmsghdr, msg_len),
               "Message is laid out as struct mmsghdr");

/* Reads up to count messages with one system call; returns how many came. */
int system_receive(int fd, Message *message, int count) {
  struct mmsghdr *list = (struct mmsghdr *)(void *)message;
  int got;
  RETRY(got, recvmmsg(fd, list, (unsigned)count, RECEIVE_FLAGS, NULL));
  return got < 0 ? -errno : got;
}

#else
/* Reads up to count messages, one system call each; returns how many came. */
int system_receive(int fd, Message *message, int count) {
  ssize_t size;
  int i;
  for (i = 0; i < count; i++) {
    RETRY(size, recvmsg(fd, &message[i].header, RECEIVE_FLAGS));
    if (size < 0) return i > 0 ? i : -errno;
    message[i].size = (unsigned)size;
  }
  return count;
}

#endif

/* Sends up to count messages, one system call each; returns how many went. */
static int send_each(int fd, Message *message, int count) {
  ssize_t size;
  int i;
  for (i = 0; i < count; i++) {
    RETRY(size, sendmsg(fd, &message[i].header, SEND_FLAGS));
    if (size < 0) return i > 0 ? i : -errno;
  }
  return count;
}

/* Sends up to count messages, with one system call where there is one; returns
   how many went. A single message is cheaper by the call for one. */
int system_send(int fd, Message *message, int count) {
#if HAVE_BATCHES
  struct mmsghdr *list = (struct mmsghdr *)(void *)message;
  int sent;
  if (count > 1) {
    RETRY(sent, sendmmsg(fd, list, (unsigned)count, SEND_FLAGS));
    return sent < 0 ? -errno : sent;
  }
#endif
  return send_each(fd, message, count);
}

/* ------------------------------------------------- what the kernel can do */

/* Asks for trains on receipt; returns 0 or a negative errno. */
int system_enable_gro(int fd, int on) {
#if HAVE_BATCHES
  return set_int(fd, IPPROTO_UDP, UDP_GRO, on);
#else
  (void)fd;
  (void)on;
  return -ENOTSUP;
#endif
}

/* Returns how many datagrams the kernel dropped for want of room. */
unsigned system_dropped(int fd) {
#if HAVE_BATCHES
  uint32_t info[16] = {0}; /* SK_MEMINFO_DROPS is the ninth: sock_diag(7) */
  socklen_t size = sizeof info;
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 ? info[8] : 0;
#else
  (void)fd;
  return 0;
#endif
}

/* Tells whether the kernel cuts trains for this socket. */
int system_has_gso(int fd) {
#if HAVE_BATCHES
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &size) == 0;
#else
  (void)fd;
  return 0;
#endif
}

/* -------------------------------------------------------------- multicast */

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

/* Chooses the interface multicast leaves by: its index, or for IPv4 an address
   it has, which is the source then; 0 and none is the system's choice. */
int system_leave_by(int fd, int family, unsigned interface,
                    const struct in_addr *source) {
  if (family == AF_INET6)
    return set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface,
                      sizeof interface);
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

/* ----------------------------------------------- options, control messages */

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
    {"broadcast", SOCKET(SO_BROADCAST), SOCKET(SO_BROADCAST),
     SOCKET(SO_BROADCAST)},
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
