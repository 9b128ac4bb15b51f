/* SPDX-License-Identifier: MIT */
/*
 * The platform: the process, sockets from their opening to their end, their errors,
 * and what is watched.
 */
#include "system.h"

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
  pid_t *known = __atomic_load_n(&process, __ATOMIC_ACQUIRE), id;
  if (known == NULL) return getpid();
  id = __atomic_load_n(known, __ATOMIC_RELAXED);
  if (id != 0) return id;
  __atomic_store_n(known, id = getpid(), __ATOMIC_RELAXED);
  return id;
}

/* Returns the milliseconds of a clock that nobody sets. */
double system_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
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

/* Lets descriptors come to a unix socket, or has who passes some refused (Linux
   6.16). Those the kernel discards it closes in the process that hears, which takes
   as long as who passed them likes: a TCP socket may linger. */
void system_accept_rights(int fd, int on) {
#ifdef SO_PASSRIGHTS
  set_int(fd, SOL_SOCKET, SO_PASSRIGHTS, on);
#else
  (void)fd, (void)on;
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

/* Spreads the datagrams of one port over sockets; -ENOTSUP where unknown, and for
   unix sockets, for which some kernels accept it and do nothing. */
static int set_reuse_port(int fd, int family) {
  if (family == AF_UNIX) return -ENOTSUP;
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
  if (status == 0 && options->reuse_port)
    status = set_reuse_port(fd, options->family);
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

/* Has a UDP socket send datagrams as they are given: whoever had the descriptor may
   have had his cut up, or held together. */
static void send_whole(int fd) {
#ifdef __linux__
  set_int(fd, IPPROTO_UDP, UDP_SEGMENT, 0);
  set_int(fd, IPPROTO_UDP, UDP_CORK, 0);
#else
  (void)fd;
#endif
}

/* Takes over a descriptor of datagrams of a family; any other is left as it
   is: -EPROTOTYPE. */
int system_adopt(int fd, int wanted) {
  int family, type, status = describe(fd, &family, &type);
  if (status < 0) return status;
  if (type != SOCK_DGRAM || family != wanted) return -EPROTOTYPE;
  mark_error_queue(fd);
  if (family != AF_UNIX) send_whole(fd);
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
  struct msghdr header = {.msg_name = NULL};
  int left = SYSTEM_MESSAGES;
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
