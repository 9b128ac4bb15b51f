/* SPDX-License-Identifier: MIT */
/*
 * The only file with the platform's #ifdefs: opening sockets, the system calls
 * that move many datagrams at once or the loops that replace them, control
 * messages, and the options. Build with DGRAM_PORTABLE to leave out everything
 * that only Linux has.
 */
#include "dgram.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__) && !defined(DGRAM_PORTABLE)
#define HAVE_BATCHES 1
#else
#define HAVE_BATCHES 0
#endif

#ifdef __linux__
#ifndef SO_SELECT_ERR_QUEUE
#define SO_SELECT_ERR_QUEUE 45
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#endif

/* Repeats a call that a signal interrupted. */
#define RETRY(result, call) \
  do result = (call);       \
  while (result < 0 && errno == EINTR)

/* Sets an option that holds an int; returns 0 or a negative errno. */
static int set_int(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* ---------------------------------------------------------------- opening */

/* Makes a descriptor non-blocking and closed on exec. */
static int prepare_descriptor(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  flags = fcntl(fd, F_GETFD);
  return flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0 ? -errno : 0;
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
#ifdef SO_REUSEPORT
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

/* Applies the options that must precede bind. */
static int apply_options(int fd, const OpenOptions *options) {
  int status = 0;
  mark_error_queue(fd);
  if (options->family == AF_INET6)
    status = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->ipv6_only);
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

/* Names what a descriptor is, for errors that tell it is the wrong kind. */
const char *system_kind(int fd) {
  struct stat info;
  int family, type;
  if (fstat(fd, &info) < 0) return "INVALID";
  if (S_ISREG(info.st_mode)) return "FILE";
  if (S_ISFIFO(info.st_mode)) return "PIPE";
  if (isatty(fd)) return "TTY";
  if (!S_ISSOCK(info.st_mode) || describe(fd, &family, &type) < 0)
    return "UNKNOWN";
  if (family == AF_UNIX) return type == SOCK_DGRAM ? "unix_dgram" : "PIPE";
  if (type == SOCK_DGRAM) return family == AF_INET ? "udp4" : "udp6";
  return "TCP";
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

/* Tells whether nobody listens behind a unix path any more. */
static int is_stale(const Address *path) {
  struct stat info;
  int result, fd, stale;
  if (lstat(path->name.local.sun_path, &info) < 0 || !S_ISSOCK(info.st_mode))
    return 0;
  fd = open_descriptor(AF_UNIX);
  if (fd < 0) return 0;
  RETRY(result, connect(fd, &path->name.base, path->length));
  stale = result < 0 && errno == ECONNREFUSED;
  close(fd);
  return stale;
}

/* Gives a path the bits the umask took away. The file was born with fewer, so
   nobody could slip in; it must be a socket of ours, not what replaced it. */
static void widen_mode(const char *path, mode_t mode) {
#ifdef O_PATH
  char link[32];
  struct stat info;
  int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (fstat(file, &info) == 0 && S_ISSOCK(info.st_mode) &&
      info.st_uid == geteuid() && (info.st_mode & 0777) != mode)
    (void)!chmod(link, mode);
  close(file);
#else
  (void)path;
  (void)mode;
#endif
}

/* Binds a descriptor so that the path appears with the mode, if one is given. */
static int bind_with_mode(int fd, const Address *path, int mode) {
  if (mode >= 0 && fchmod(fd, (mode_t)mode) < 0) return -errno;
  if (bind(fd, &path->name.base, path->length) < 0) return -errno;
  if (mode >= 0 && path->name.local.sun_path[0] != '\0')
    widen_mode(path->name.local.sun_path, (mode_t)mode);
  return 0;
}

/* Locks the directory of a path against others who replace a stale socket in
   it; returns a descriptor to close, or -1 when it cannot be locked. */
static int lock_directory(const char *path) {
  char name[sizeof(struct sockaddr_un)] = ".";
  const char *end = strrchr(path, '/');
  int result, fd;
  if (end != NULL)
    snprintf(name, sizeof name, "%.*s/", (int)(end - path), path);
  fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) RETRY(result, flock(fd, LOCK_EX));
  return fd;
}

/* Replaces a socket nobody listens on; returns 0 or a negative errno. */
static int replace_stale(int fd, const Address *path, int mode) {
  const char *text = path->name.local.sun_path;
  int lock = lock_directory(text), status = -EADDRINUSE;
  if (is_stale(path) && unlink(text) == 0)
    status = bind_with_mode(fd, path, mode);
  if (lock >= 0) close(lock);
  return status;
}

/* Binds to a unix path, replacing a socket nobody listens on. */
int system_bind_local(int fd, const Address *path, int mode) {
  int status = bind_with_mode(fd, path, mode);
  if (status != -EADDRINUSE || path->name.local.sun_path[0] == '\0')
    return status;
  return replace_stale(fd, path, mode);
}

/* Forgets the peer of a connected socket. */
int system_disconnect(int fd) {
  struct sockaddr none;
  int result;
  memset(&none, 0, sizeof none);
  none.sa_family = AF_UNSPEC;
  RETRY(result, connect(fd, &none, sizeof none));
  return result < 0 && errno != EAFNOSUPPORT ? -errno : 0;
}

/* Takes the socket's pending error; 0 when there is none. */
int system_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return -errno;
  return -error;
}

/* Finds out why a socket without a datagram is said to be readable, as one may
   be that was adopted: throws away what lies in the queue of errors, which only
   options set by others fill; -ESHUTDOWN when somebody shut it down. */
int system_puzzle(int fd, int family) {
  struct pollfd state = {fd, POLLIN, 0};
#ifdef MSG_ERRQUEUE
  struct msghdr header;
  int left = SYSTEM_MESSAGES;
  memset(&header, 0, sizeof header);
  while (family != AF_UNIX && left-- > 0 &&
         recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
    ;
#else
  (void)family;
#endif
#ifdef POLLRDHUP
  state.events |= POLLRDHUP;
  if (poll(&state, 1, 0) > 0 && (state.revents & POLLRDHUP)) return -ESHUTDOWN;
#else
  if (poll(&state, 1, 0) > 0 && (state.revents & POLLHUP)) return -ESHUTDOWN;
#endif
  return 0;
}

/* Returns milliseconds of a clock that only goes forward. */
uint64_t system_now(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* -------------------------------------------------------------- receiving */

/* Reads the control message that tells the size of a train's segments. */
static void read_control(struct msghdr *header, Incoming *in) {
#if HAVE_BATCHES
  struct cmsghdr *c;
  for (c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
    int value = 0;
    size_t size = c->cmsg_len - CMSG_LEN(0);
    if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO) continue;
    memcpy(&value, CMSG_DATA(c), size < sizeof value ? size : sizeof value);
    if (value > 0) in->segment = (size_t)value;
  }
#else
  (void)header;
  (void)in;
#endif
}

/* Points a message header at a slot. */
static void aim(struct msghdr *header, struct iovec *data, Incoming *in,
                char *control) {
  data->iov_base = in->data;
  data->iov_len = in->room;
  memset(header, 0, sizeof *header);
  header->msg_name = &in->from.name;
  header->msg_namelen = sizeof in->from.name;
  header->msg_iov = data;
  header->msg_iovlen = 1;
  header->msg_control = control;
  header->msg_controllen = control != NULL ? SYSTEM_CONTROL : 0;
}

/* Notes what the kernel says of a message it delivered. */
static void settle(struct msghdr *header, Incoming *in, size_t size) {
  in->from.length = header->msg_namelen;
  in->size = size;
  in->segment = 0;
  in->truncated = (header->msg_flags & MSG_TRUNC) != 0;
  if (header->msg_controllen > 0) read_control(header, in);
}

#if HAVE_BATCHES
/* Reads up to count messages with one system call. Unix sockets bring no
   control messages: those could smuggle descriptors in. */
int system_receive(int fd, Incoming *in, int count, int family) {
  struct mmsghdr message[SYSTEM_MESSAGES];
  struct iovec data[SYSTEM_MESSAGES];
  char control[SYSTEM_MESSAGES][SYSTEM_CONTROL]
      __attribute__((aligned(sizeof(size_t))));
  int i, got;
  for (i = 0; i < count; i++)
    aim(&message[i].msg_hdr, &data[i], &in[i],
        family != AF_UNIX ? control[i] : NULL);
  RETRY(got, recvmmsg(fd, message, (unsigned)count, MSG_DONTWAIT, NULL));
  if (got < 0) return -errno;
  for (i = 0; i < got; i++)
    settle(&message[i].msg_hdr, &in[i], message[i].msg_len);
  return got;
}
#else
/* Reads up to count messages, one system call each. */
int system_receive(int fd, Incoming *in, int count, int family) {
  struct msghdr header;
  struct iovec data;
  ssize_t size;
  int i;
  (void)family;
  for (i = 0; i < count; i++) {
    aim(&header, &data, &in[i], NULL);
    RETRY(size, recvmsg(fd, &header, MSG_DONTWAIT));
    if (size < 0) return i > 0 ? i : -errno;
    settle(&header, &in[i], (size_t)size);
  }
  return count;
}
#endif

/* ---------------------------------------------------------------- sending */

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
#else
#define SEND_FLAGS MSG_DONTWAIT
#endif

/* Attaches the segment size to a message. */
static void attach_segment(struct msghdr *header, char *control,
                           unsigned segment) {
#if HAVE_BATCHES
  uint16_t size = (uint16_t)segment;
  struct cmsghdr *c;
  memset(control, 0, CMSG_SPACE(sizeof size));
  header->msg_control = control;
  header->msg_controllen = CMSG_SPACE(sizeof size);
  c = CMSG_FIRSTHDR(header);
  c->cmsg_level = IPPROTO_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof size);
  memcpy(CMSG_DATA(c), &size, sizeof size);
#else
  (void)header;
  (void)control;
  (void)segment;
#endif
}

/* Fills a message header from a datagram or train. */
static void load(struct msghdr *header, const Outgoing *out, char *control) {
  memset(header, 0, sizeof *header);
  if (out->to != NULL) {
    header->msg_name = (void *)&out->to->name;
    header->msg_namelen = out->to->length;
  }
  header->msg_iov = (struct iovec *)&out->data;
  header->msg_iovlen = 1;
  if (out->segment != 0) attach_segment(header, control, out->segment);
}

#if HAVE_BATCHES
/* Sends up to count messages with one system call; returns how many went. */
int system_send(int fd, const Outgoing *out, int count) {
  struct mmsghdr message[SYSTEM_MESSAGES];
  char control[SYSTEM_MESSAGES][CMSG_SPACE(sizeof(uint16_t))]
      __attribute__((aligned(sizeof(size_t))));
  int i, sent;
  for (i = 0; i < count; i++) load(&message[i].msg_hdr, &out[i], control[i]);
  RETRY(sent, sendmmsg(fd, message, (unsigned)count, SEND_FLAGS));
  return sent < 0 ? -errno : sent;
}
#else
/* Sends up to count messages, one system call each; returns how many went. */
int system_send(int fd, const Outgoing *out, int count) {
  struct msghdr header;
  ssize_t size;
  int i;
  for (i = 0; i < count; i++) {
    load(&header, &out[i], NULL);
    RETRY(size, sendmsg(fd, &header, SEND_FLAGS));
    if (size < 0) return i > 0 ? i : -errno;
  }
  return count;
}
#endif

/* ---------------------------------------------------- the kernel's favours */

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

/* ----------------------------------------------------------------- options */

#define NONE \
  { -1, 0 }
#define SOCKET(option) \
  { SOL_SOCKET, option }

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
    {NULL, NONE, NONE, NONE},
};
