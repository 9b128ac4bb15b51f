/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand. Preloaded, this library stands between dgram.core and the
 * C library; required as the Lua module `faults` (it is the same file, so the
 * same memory), it is told which calls to refuse or to shorten. Calls that do
 * not come from dgram.core pass untouched.
 *
 *   faults.at(call, index, count, action [, only])
 *       the calls number index to index + count - 1 get the action: a negative
 *       errno, or for send and receive the most messages that may pass; for
 *       getaddrinfo what it returns, EAI_AGAIN (-3) and its like; `only`
 *       restricts it to one socket option, or for send to trains (1).
 *       `faults.ROOM + n` for receive: the messages have room for n bytes;
 *       `faults.CONTROL + n`: for n bytes of control messages
 *   faults.shorten(call, most)  at most so many messages pass in every call
 *                       send and receive are sendmmsg and recvmmsg, or what
 *                       takes their place in the portable build; recverr
 *                       reads the queue of errors
 *   faults.clear()      no more faults; counts start at zero
 *   faults.count(call)  how often it was called since
 *   faults.hits([call]) how many faults were delivered since
 *   faults.replace(path)  somebody puts a file in the place of a path, just
 *                         before it is opened
 *   faults.umask(bits)  sets the process's umask; returns the one before
 *   faults.held()       blocks of memory that dgram.core has and did not free
 *
 * and what a hostile peer can do, each true when it was done:
 *
 *   faults.send_descriptor(path, fd)   a datagram "x" that brings a descriptor
 *   faults.send_from_port_zero(port)   a datagram "x" from 127.0.0.1 port 0
 *   faults.keep_errors(fd)             IP_RECVERR: errors pile up beside datagrams
 *   faults.tell_all(fd)                control messages of others come along
 *   faults.cut_up(fd)                  what it sends is cut up, and held back
 *   faults.tell_process(fd)            each brings a descriptor for its sender
 *   faults.shut_down(fd)               it is readable from now on, with nothing
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 /* as dgram.core: open is open64 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <lauxlib.h>
#include <lua.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  BIND,
  CHMOD,
  CLOSE,
  CONNECT,
  DUP3,
  EPOLL_CREATE1,
  EPOLL_CTL,
  EPOLL_WAIT,
  FCHMOD,
  FCNTL,
  FLOCK,
  FSTAT,
  GETADDRINFO,
  GETIFADDRS,
  GETPEERNAME,
  GETSOCKNAME,
  GETSOCKOPT,
  IF_INDEXTONAME,
  IF_NAMETOINDEX,
  IOCTL,
  LSTAT,
  MADVISE,
  MALLOC,
  MMAP,
  OPEN,
  POLL,
  REALLOC,
  REALPATH,
  RECEIVE,
  RECVERR,
  SEND,
  SETSOCKOPT,
  SOCKET,
  SOCKETPAIR,
  UNLINK,
  CALLS
};

static const char *const names[CALLS + 1] = {
    "bind", "chmod", "close", "connect", "dup3", "epoll_create1", "epoll_ctl", "epoll_wait", "fchmod", "fcntl", "flock",
    "fstat", "getaddrinfo", "getifaddrs", "getpeername", "getsockname",
    "getsockopt", "if_indextoname", "if_nametoindex", "ioctl", "lstat", "madvise", "malloc",
    "mmap", "open", "poll", "realloc", "realpath", "receive", "recverr", "send",
    "setsockopt", "socket", "socketpair", "unlink", NULL};

#define ROOM 100000 /* actions from here on: bytes a message may have */
#define CONTROL 200000 /* likewise: bytes of control messages */
#define PASS 0 /* the action of a call that is not to be touched */

/* What is to happen to one of the calls. */
static struct Plan {
  long from, to; /* numbers of the calls it concerns; from 0: none */
  int action;    /* a negative errno, or the most messages that may pass */
  int only;      /* the socket option it concerns; -1: all */
  unsigned most; /* messages that pass in every call; 0: all */
  long count;    /* calls so far */
  long hits;     /* faults delivered */
} plans[CALLS];

static long held; /* blocks dgram.core holds */

/* The range of addresses where dgram.core's code lies, found once. */
static struct {
  const char *base; /* where the file is mapped; NULL: not seen yet */
  const char *miss; /* the last address that was not in it */
} core;

/* Tells whether an address lies in dgram.core. */
static int from_core(const void *address) {
  Dl_info info;
  if (address == core.miss) return 0;
  if (dladdr(address, &info) == 0) return 0;
  if (info.dli_fbase == core.base) return 1;
  if (core.base == NULL && strstr(info.dli_fname, "dgram/core.so") != NULL) {
    core.base = info.dli_fbase;
    return 1;
  }
  core.miss = address;
  return 0;
}

/* Counts a call of dgram.core and returns what is to happen to it. */
static int judge(int call, const void *caller, int option) {
  struct Plan *plan = &plans[call];
  if (!from_core(caller)) return PASS;
  if (plan->only >= 0 && plan->only != option) return PASS;
  plan->count++;
  if (plan->from == 0 || plan->count < plan->from || plan->count > plan->to)
    return PASS;
  plan->hits++;
  return plan->action;
}

#define CALLER __builtin_return_address(0)

/* Calls the function behind ours. */
#define NEXT(name) ((__typeof__(&name))next(#name))

/* Finds the function behind ours. */
static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

/* Fails like the system when the plan says so. */
#define MAYBE_FAIL(call, option)                  \
  do {                                            \
    int action_ = judge(call, CALLER, option);    \
    if (action_ < 0) return errno = -action_, -1; \
  } while (0)

int bind(int fd, const struct sockaddr *name, socklen_t size) {
  MAYBE_FAIL(BIND, 0);
  return NEXT(bind)(fd, name, size);
}

int connect(int fd, const struct sockaddr *name, socklen_t size) {
  MAYBE_FAIL(CONNECT, 0);
  return NEXT(connect)(fd, name, size);
}

int chmod(const char *path, mode_t mode) {
  MAYBE_FAIL(CHMOD, 0);
  return NEXT(chmod)(path, mode);
}

/* A close that fails has closed all the same, as on Linux. */
int close(int fd) {
  int action = judge(CLOSE, CALLER, 0), result = NEXT(close)(fd);
  return action < 0 ? errno = -action, -1 : result;
}

int madvise(void *memory, size_t size, int advice) {
  MAYBE_FAIL(MADVISE, 0);
  return NEXT(madvise)(memory, size, advice);
}

void *mmap(void *where, size_t size, int rights, int flags, int fd, off_t offset) {
  int action = judge(MMAP, CALLER, 0);
  if (action < 0) return errno = -action, MAP_FAILED;
  return NEXT(mmap)(where, size, rights, flags, fd, offset);
}

int dup3(int from, int to, int flags) {
  MAYBE_FAIL(DUP3, 0);
  return NEXT(dup3)(from, to, flags);
}

int epoll_create1(int flags) {
  MAYBE_FAIL(EPOLL_CREATE1, 0);
  return NEXT(epoll_create1)(flags);
}

int epoll_ctl(int watcher, int operation, int fd, struct epoll_event *event) {
  MAYBE_FAIL(EPOLL_CTL, 0);
  return NEXT(epoll_ctl)(watcher, operation, fd, event);
}

int epoll_wait(int watcher, struct epoll_event *events, int room, int wait) {
  MAYBE_FAIL(EPOLL_WAIT, 0);
  return NEXT(epoll_wait)(watcher, events, room, wait);
}

int fchmod(int fd, mode_t mode) {
  MAYBE_FAIL(FCHMOD, 0);
  return NEXT(fchmod)(fd, mode);
}

int fcntl(int fd, int command, ...) {
  va_list list;
  void *argument;
  va_start(list, command);
  argument = va_arg(list, void *);
  va_end(list);
  MAYBE_FAIL(FCNTL, command);
  return NEXT(fcntl)(fd, command, argument);
}

int flock(int fd, int operation) {
  MAYBE_FAIL(FLOCK, 0);
  return NEXT(flock)(fd, operation);
}

int fstat(int fd, struct stat *info) {
  MAYBE_FAIL(FSTAT, 0);
  return NEXT(fstat)(fd, info);
}

int getaddrinfo(const char *host, const char *service,
                const struct addrinfo *hints, struct addrinfo **list) {
  int action = judge(GETADDRINFO, CALLER, 0);
  if (action < 0) return action;
  return NEXT(getaddrinfo)(host, service, hints, list);
}

int getifaddrs(struct ifaddrs **list) {
  MAYBE_FAIL(GETIFADDRS, 0);
  return NEXT(getifaddrs)(list);
}

int getpeername(int fd, struct sockaddr *name, socklen_t *size) {
  MAYBE_FAIL(GETPEERNAME, 0);
  return NEXT(getpeername)(fd, name, size);
}

int getsockname(int fd, struct sockaddr *name, socklen_t *size) {
  MAYBE_FAIL(GETSOCKNAME, 0);
  return NEXT(getsockname)(fd, name, size);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *size) {
  MAYBE_FAIL(GETSOCKOPT, option);
  return NEXT(getsockopt)(fd, level, option, value, size);
}

char *if_indextoname(unsigned index, char name[IF_NAMESIZE]) {
  int action = judge(IF_INDEXTONAME, CALLER, 0);
  if (action < 0) return errno = -action, NULL;
  return NEXT(if_indextoname)(index, name);
}

unsigned if_nametoindex(const char *name) {
  int action = judge(IF_NAMETOINDEX, CALLER, 0);
  if (action < 0) return errno = -action, 0;
  return NEXT(if_nametoindex)(name);
}

int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  void *value;
  va_start(list, request);
  value = va_arg(list, void *);
  va_end(list);
  MAYBE_FAIL(IOCTL, 0);
  return NEXT(ioctl)(fd, request, value);
}

int lstat(const char *path, struct stat *info) {
  MAYBE_FAIL(LSTAT, 0);
  return NEXT(lstat)(path, info);
}

static char replaced[sizeof(struct sockaddr_un)]; /* a path; "": none */

/* Puts an empty file of mode 600 in the place of a path, once. */
static void replace(const char *path) {
  replaced[0] = '\0';
  NEXT(unlink)(path);
  NEXT(close)(NEXT(open)(path, O_WRONLY | O_CREAT, 0600));
}

int open(const char *path, int flags, ...) {
  va_list list;
  mode_t mode;
  va_start(list, flags);
  mode = va_arg(list, mode_t);
  va_end(list);
  MAYBE_FAIL(OPEN, 0);
  if (from_core(CALLER) && strcmp(path, replaced) == 0) replace(path);
  return NEXT(open)(path, flags, mode);
}

int poll(struct pollfd *list, nfds_t count, int milliseconds) {
  MAYBE_FAIL(POLL, 0);
  return NEXT(poll)(list, count, milliseconds);
}

/* What it returns is the core's to free. */
char *realpath(const char *path, char *room) {
  int action = judge(REALPATH, CALLER, 0);
  char *text = action < 0 ? NULL : NEXT(realpath)(path, room);
  if (action < 0) errno = -action;
  if (text != NULL && room == NULL && from_core(CALLER)) held++;
  return text;
}

int setsockopt(int fd, int level, int option, const void *value,
               socklen_t size) {
  MAYBE_FAIL(SETSOCKOPT, option);
  return NEXT(setsockopt)(fd, level, option, value, size);
}

int socket(int family, int type, int protocol) {
  MAYBE_FAIL(SOCKET, 0);
  return NEXT(socket)(family, type, protocol);
}

int socketpair(int family, int type, int protocol, int fd[2]) {
  MAYBE_FAIL(SOCKETPAIR, 0);
  return NEXT(socketpair)(family, type, protocol, fd);
}

int unlink(const char *path) {
  MAYBE_FAIL(UNLINK, 0);
  return NEXT(unlink)(path);
}

/* Leaves a message less room, if the action says so. */
static void shrink(struct msghdr *message, int action) {
  size_t room = (size_t)(action - CONTROL);
  if (action >= CONTROL && room < message->msg_controllen)
    message->msg_controllen = room;
  if (action >= ROOM && action < CONTROL)
    message->msg_iov->iov_len = (size_t)(action - ROOM);
}

/* Returns how many of count messages may pass. */
static unsigned shortened(int call, unsigned count, int action) {
  unsigned most = plans[call].most;
  if (action > 0 && action < ROOM && (unsigned)action < count)
    count = (unsigned)action;
  return most > 0 && most < count ? most : count;
}

int recvmmsg(int fd, struct mmsghdr *message, unsigned count, int flags,
             struct timespec *timeout) {
  int action = judge(RECEIVE, CALLER, 0);
  unsigned i;
  if (action < 0) return errno = -action, -1;
  for (i = 0; i < count; i++) shrink(&message[i].msg_hdr, action);
  if (from_core(CALLER)) count = shortened(RECEIVE, count, action);
  return NEXT(recvmmsg)(fd, message, count, flags, timeout);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  int errors = (flags & MSG_ERRQUEUE) != 0;
  int action = judge(errors ? RECVERR : RECEIVE, CALLER, 0);
  if (action < 0) return errno = -action, -1;
  shrink(message, action);
  return NEXT(recvmsg)(fd, message, flags);
}

/* Tells whether a message is a train. */
static int is_train(const struct msghdr *message) {
  return message->msg_controllen > 0;
}

/* Refuses what a path refuses: with EIO or EINVAL only trains. */
int sendmmsg(int fd, struct mmsghdr *message, unsigned count, int flags) {
  int action = judge(SEND, CALLER, is_train(&message->msg_hdr));
  if (action < 0) return errno = -action, -1;
  if (from_core(CALLER)) count = shortened(SEND, count, action);
  return NEXT(sendmmsg)(fd, message, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  MAYBE_FAIL(SEND, is_train(message));
  return NEXT(sendmsg)(fd, message, flags);
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

void *malloc(size_t size) {
  int action = judge(MALLOC, CALLER, 0);
  void *block = action < 0 ? NULL : __libc_malloc(size);
  if (block == NULL) errno = ENOMEM;
  else if (from_core(CALLER)) held++;
  return block;
}

/* Counts as malloc, of which with memset a compiler makes it. */
void *calloc(size_t count, size_t size) {
  int action = judge(MALLOC, CALLER, 0);
  void *block = action < 0 ? NULL : __libc_calloc(count, size);
  if (block == NULL) errno = ENOMEM;
  else if (from_core(CALLER)) held++;
  return block;
}

void *realloc(void *old, size_t size) {
  int action = judge(REALLOC, CALLER, 0);
  void *block = action < 0 ? NULL : __libc_realloc(old, size);
  if (block == NULL) errno = ENOMEM;
  else if (old == NULL && from_core(CALLER)) held++;
  return block;
}

void free(void *block) {
  if (block != NULL && from_core(CALLER)) held--;
  __libc_free(block);
}

/* ------------------------------------------------------------ the Lua side */

static int faults_at(lua_State *L) {
  struct Plan *plan = &plans[luaL_checkoption(L, 1, NULL, names)];
  plan->from = (long)luaL_checkinteger(L, 2);
  plan->to = plan->from + (long)luaL_checkinteger(L, 3) - 1;
  plan->action = (int)luaL_checkinteger(L, 4);
  plan->only = (int)luaL_optinteger(L, 5, -1);
  plan->count = plan->hits = 0;
  return 0;
}

static int faults_shorten(lua_State *L) {
  struct Plan *plan = &plans[luaL_checkoption(L, 1, NULL, names)];
  plan->most = (unsigned)luaL_checkinteger(L, 2);
  return 0;
}

static int faults_clear(lua_State *L) {
  int i;
  (void)L;
  memset(plans, 0, sizeof plans);
  for (i = 0; i < CALLS; i++) plans[i].only = -1;
  return 0;
}

static int faults_count(lua_State *L) {
  int call = luaL_checkoption(L, 1, NULL, names);
  lua_pushinteger(L, (lua_Integer)plans[call].count);
  return 1;
}

static int faults_hits(lua_State *L) {
  int i, only = lua_isnone(L, 1) ? -1 : luaL_checkoption(L, 1, NULL, names);
  lua_Integer sum = 0;
  for (i = 0; i < CALLS; i++)
    if (only < 0 || only == i) sum += plans[i].hits;
  lua_pushinteger(L, sum);
  return 1;
}

static int faults_replace(lua_State *L) {
  strncpy(replaced, luaL_checkstring(L, 1), sizeof replaced - 1);
  return 0;
}

static int faults_umask(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)umask((mode_t)luaL_checkinteger(L, 1)));
  return 1;
}

static int faults_held(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)held);
  return 1;
}

/* Opens a socket, sends one message to an address and closes it again. */
static int send_once(int family, int type, int protocol,
                     struct msghdr *message) {
  int fd = NEXT(socket)(family, type, protocol);
  ssize_t sent = fd < 0 ? -1 : NEXT(sendmsg)(fd, message, MSG_DONTWAIT);
  if (fd >= 0) NEXT(close)(fd);
  return sent >= 0;
}

static int faults_send_descriptor(lua_State *L) {
  char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  struct iovec data = {&byte, 1};
  struct msghdr message = {&to, sizeof to, &data, 1, control, sizeof control, 0};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  int fd = (int)luaL_checkinteger(L, 2);
  strncpy(to.sun_path, luaL_checkstring(L, 1), sizeof to.sun_path - 1);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  lua_pushboolean(L, send_once(AF_UNIX, SOCK_DGRAM, 0, &message));
  return 1;
}

/* Claims to be somebody: nil and the errno where the kernel forbids it. */
static int faults_send_credentials(lua_State *L) {
  char control[CMSG_SPACE(sizeof(struct ucred))] = {0}, byte = 'x';
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  struct iovec data = {&byte, 1};
  struct msghdr message = {&to, sizeof to, &data, 1, control, sizeof control, 0};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  struct ucred who = {(pid_t)luaL_checkinteger(L, 2),
                      (uid_t)luaL_checkinteger(L, 3),
                      (gid_t)luaL_checkinteger(L, 4)};
  strncpy(to.sun_path, luaL_checkstring(L, 1), sizeof to.sun_path - 1);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_CREDENTIALS;
  c->cmsg_len = CMSG_LEN(sizeof who);
  memcpy(CMSG_DATA(c), &who, sizeof who);
  if (send_once(AF_UNIX, SOCK_DGRAM, 0, &message)) return lua_pushboolean(L, 1), 1;
  lua_pushnil(L);
  lua_pushinteger(L, errno);
  return 2;
}

static int faults_send_from_port_zero(lua_State *L) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  struct {
    struct udphdr head;
    char byte;
  } packet = {.byte = 'x'};
  struct iovec data = {&packet, sizeof packet.head + 1};
  struct msghdr message = {&to, sizeof to, &data, 1, NULL, 0, 0};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  packet.head.dest = htons((uint16_t)luaL_checkinteger(L, 1));
  packet.head.len = htons(sizeof packet.head + 1);
  lua_pushboolean(L, send_once(AF_INET, SOCK_RAW, IPPROTO_UDP, &message));
  return 1;
}

static int faults_keep_errors(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1), on = 1;
  lua_pushboolean(L, NEXT(setsockopt)(fd, IPPROTO_IP, IP_RECVERR, &on,
                                      sizeof on) == 0);
  return 1;
}

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static int faults_cut_up(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1), size = 2, on = 1;
  lua_pushboolean(L, NEXT(setsockopt)(fd, IPPROTO_UDP, UDP_SEGMENT, &size,
                                      sizeof size) == 0 &&
                         NEXT(setsockopt)(fd, IPPROTO_UDP, UDP_CORK, &on,
                                          sizeof on) == 0);
  return 1;
}

static int faults_tell_process(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1), on = 1;
  lua_pushboolean(L, NEXT(setsockopt)(fd, SOL_SOCKET, SO_PASSPIDFD, &on,
                                      sizeof on) == 0);
  return 1;
}

static int faults_tell_all(lua_State *L) {
  static const int options[][3] = {
      {SOL_SOCKET, SO_TIMESTAMP, 1},
      {SOL_SOCKET, SO_TIMESTAMPING, 0x18}, /* software's, of what comes */
      {SOL_SOCKET, SO_RXQ_OVFL, 1},  {IPPROTO_IP, IP_PKTINFO, 1},
      {IPPROTO_IP, IP_RECVTTL, 1},   {IPPROTO_IP, IP_RECVTOS, 1},
      {IPPROTO_IP, IP_RECVOPTS, 1},  {IPPROTO_IP, IP_RETOPTS, 1},
      {IPPROTO_IP, IP_RECVERR, 1},   {IPPROTO_IP, IP_RECVORIGDSTADDR, 1},
  };
  int fd = (int)luaL_checkinteger(L, 1), done = 0;
  size_t i, count = sizeof options / sizeof *options;
  for (i = 0; i < count; i++)
    done += NEXT(setsockopt)(fd, options[i][0], options[i][1], &options[i][2],
                             sizeof(int)) == 0;
  lua_pushboolean(L, (size_t)done == count);
  return 1;
}

/* Only what is connected can be shut down; otherwise it works and fails. */
static int faults_shut_down(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  lua_pushboolean(L, shutdown(fd, SHUT_RD) == 0 || errno == ENOTCONN);
  return 1;
}

int luaopen_faults(lua_State *L);
int luaopen_faults(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"at", faults_at},     {"clear", faults_clear}, {"count", faults_count},
      {"hits", faults_hits}, {"held", faults_held},
      {"replace", faults_replace},
      {"shorten", faults_shorten}, {"umask", faults_umask},
      {"send_descriptor", faults_send_descriptor},
      {"send_credentials", faults_send_credentials},
      {"send_from_port_zero", faults_send_from_port_zero},
      {"keep_errors", faults_keep_errors},
      {"tell_all", faults_tell_all},
      {"tell_process", faults_tell_process},
      {"cut_up", faults_cut_up},
      {"shut_down", faults_shut_down},
      {NULL, NULL}};
  faults_clear(L);
  luaL_newlib(L, functions);
  lua_pushinteger(L, ROOM);
  lua_setfield(L, -2, "ROOM");
  lua_pushinteger(L, CONTROL);
  lua_setfield(L, -2, "CONTROL");
  lua_pushinteger(L, SO_PASSRIGHTS);
  lua_setfield(L, -2, "PASSRIGHTS");
  return 1;
}
