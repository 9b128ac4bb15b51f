/* SPDX-License-Identifier: MIT */
/* What the C programs of the benchmark share: arguments "key=value", clocks, the
 * measured window, addresses. They make the system calls of the work they stand
 * for and nothing else: they are the limit, or the side that is not measured.
 * Linux only. */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define BATCH 64         /* messages a system call, segments a train */
#define SLOT 65536       /* bytes a receive buffer: a GRO train fits */
#define MAX_SOCKETS 1024 /* sockets or destinations of one program */

typedef union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_un un;
} Address;

/* The control message of a train: UDP_SEGMENT going out, UDP_GRO coming in. */
typedef struct control {
  _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
} Control;

/* The measured part of a run: opens `warmup` seconds after the first message. */
typedef struct window {
  double warmup, length;   /* seconds; length 0 never ends */
  double begin, wall, cpu; /* clocks at the first message and at the opening */
  uint64_t messages;       /* count at the opening */
  int state;               /* 0 nothing yet, 1 warming up, 2 open */
} Window;

/* Ends the program with the system's message. */
static inline void die(const char *what) {
  perror(what);
  exit(1);
}

/* Passes a system call's result on; ends the program when it failed. */
static inline int check(int result, const char *what) {
  if (result < 0) die(what);
  return result;
}

/* The value of the argument `key`, or `otherwise`. */
static inline const char *text(char **argv, const char *key,
                               const char *otherwise) {
  size_t length = strlen(key);
  for (char **a = argv + 1; *a; a++)
    if (strncmp(*a, key, length) == 0 && (*a)[length] == '=')
      return *a + length + 1;
  return otherwise;
}

/* The same as a number. */
static inline double number(char **argv, const char *key, double otherwise) {
  const char *value = text(argv, key, NULL);
  return value ? atof(value) : otherwise;
}

static inline double clock_seconds(clockid_t clock) {
  struct timespec t = {0, 0};
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline double now(void) { return clock_seconds(CLOCK_MONOTONIC); }

static inline Window window_of(char **argv) {
  Window w = {.warmup = number(argv, "warmup", 0.1),
              .length = number(argv, "time", 0)};
  return w;
}

/* Moves the window on. Prints the result and returns 1 when it has closed; `cpu`
 * is the clock of the process that is measured. */
static inline int window_tick(Window *w, uint64_t messages, clockid_t cpu) {
  double t = now();
  if (w->length == 0 || messages == 0) return 0;
  if (w->state == 0) {
    w->begin = t;
    w->state = 1;
  }
  if (w->state == 1 && t - w->begin >= w->warmup) {
    w->wall = t;
    w->cpu = clock_seconds(cpu);
    w->messages = messages;
    w->state = 2;
  }
  if (w->state < 2 || t - w->wall < w->length) return 0;
  printf("messages=%llu seconds=%.6f cpu=%.6f\n",
         (unsigned long long)(messages - w->messages), t - w->wall,
         clock_seconds(cpu) - w->cpu);
  return 1;
}

/* 127.0.0.1:port, or the unix path where one is given; returns its length. */
static inline socklen_t address_of(Address *a, const char *path, int port) {
  memset(a, 0, sizeof *a);
  if (path) {
    a->un.sun_family = AF_UNIX;
    strncpy(a->un.sun_path, path, sizeof a->un.sun_path - 1);
    return sizeof a->un;
  }
  a->in.sin_family = AF_INET;
  a->in.sin_port = htons((uint16_t)port);
  a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sizeof a->in;
}

/* A non-blocking socket bound to `path`, or to a free port, which it stores. */
static inline int open_bound(const char *path, int *port) {
  Address a;
  socklen_t length = address_of(&a, path, 0);
  int type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int fd = check(socket(path ? AF_UNIX : AF_INET, type, 0), "socket");
  check(bind(fd, &a.any, length), "bind");
  if (!path) {
    check(getsockname(fd, &a.any, &length), "getsockname");
    *port = ntohs(a.in.sin_port);
  }
  return fd;
}

/* Asks for trains on receive; a kernel without them delivers single datagrams. */
static inline void use_gro(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
}

/* Makes the message a train of segments of `size` bytes. */
static inline void set_segment(struct msghdr *m, Control *control, int size) {
  uint16_t segment = (uint16_t)size;
  m->msg_control = control->bytes;
  m->msg_controllen = CMSG_SPACE(sizeof segment);
  struct cmsghdr *c = CMSG_FIRSTHDR(m);
  memset(control, 0, sizeof *control);
  c->cmsg_level = IPPROTO_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof segment);
  memcpy(CMSG_DATA(c), &segment, sizeof segment);
}

/* The segment size the kernel reports for a received train; 0: one datagram. */
static inline int segment_of(struct msghdr *m) {
  int size = 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
    if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
      memcpy(&size, CMSG_DATA(c), sizeof size);
  return size;
}

/* How many datagrams a received message of `length` bytes holds. */
static inline int datagrams_in(struct msghdr *m, unsigned length) {
  unsigned size = (unsigned)segment_of(m);
  return size ? (int)((length + size - 1) / size) : 1;
}

/* The receive slots: names, controls and buffers of one batch. */
typedef struct slots {
  struct mmsghdr messages[BATCH];
  struct iovec vectors[BATCH];
  Control controls[BATCH];
  Address names[BATCH];
  char *buffer;
} Slots;

/* Makes every slot ready for the next recvmmsg. */
static inline void slots_reset(Slots *s, int count) {
  if (!s->buffer && !(s->buffer = malloc((size_t)BATCH * SLOT))) die("malloc");
  for (int i = 0; i < count; i++) {
    s->vectors[i].iov_base = s->buffer + (size_t)i * SLOT;
    s->vectors[i].iov_len = SLOT;
    struct msghdr *m = &s->messages[i].msg_hdr;
    m->msg_name = &s->names[i];
    m->msg_namelen = sizeof s->names[i];
    m->msg_iov = &s->vectors[i];
    m->msg_iovlen = 1;
    m->msg_control = s->controls[i].bytes;
    m->msg_controllen = sizeof s->controls[i];
    m->msg_flags = 0;
  }
}

#endif
