/* SPDX-License-Identifier: MIT */
/* Receives by epoll and recvmmsg on any number of sockets and counts.
 *   receiver sockets=1 | path=FILE  gro=0  spin=0  warmup=.1  time=0
 * Prints "ports=1,2,3" when bound. With spin=1 it never sleeps: the sink of a
 * sender that is measured. With time=0 it receives until it is killed. */
#include "bench.h"

static Slots slots;
static int sockets[MAX_SOCKETS];
static uint64_t received;

/* Reads one batch; returns whether the socket may hold more. */
static int receive_batch(int fd) {
  slots_reset(&slots, BATCH);
  int count = recvmmsg(fd, slots.messages, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++)
    received += (uint64_t)datagrams_in(&slots.messages[i].msg_hdr,
                                       slots.messages[i].msg_len);
  return count == BATCH;
}

/* Opens the sockets, adds them to the epoll set and prints their ports. */
static void open_all(int epoll, int count, const char *path, int gro) {
  printf("ports=");
  for (int i = 0; i < count; i++) {
    int port = 0;
    sockets[i] = open_bound(path, &port);
    if (gro && !path) use_gro(sockets[i]);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets[i]};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &event), "epoll_ctl");
    printf(i ? ",%d" : "%d", port);
  }
  printf("\n");
  fflush(stdout);
}

int main(int argc, char **argv) {
  int count = argc > 1 ? (int)number(argv, "sockets", 1) : 1;
  int spin = (int)number(argv, "spin", 0);
  int epoll = check(epoll_create1(0), "epoll_create1");
  Window window = window_of(argv);
  struct epoll_event events[MAX_SOCKETS];
  open_all(epoll, count, text(argv, "path", NULL), (int)number(argv, "gro", 0));
  while (!window_tick(&window, received, CLOCK_PROCESS_CPUTIME_ID)) {
    if (spin) {
      for (int i = 0; i < count; i++) receive_batch(sockets[i]);
      continue;
    }
    int ready = epoll_wait(epoll, events, MAX_SOCKETS, -1);
    for (int i = 0; i < ready; i++) receive_batch(events[i].data.fd);
  }
  return 0;
}
