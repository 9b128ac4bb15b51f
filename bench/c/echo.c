/* SPDX-License-Identifier: MIT */
/* An echo server: epoll, recvmmsg, and sendmmsg with neighbours of one sender and
 * size merged into trains.
 *   echo gro=1
 * Prints "ports=N" when bound and runs until it is killed. */
#include "bench.h"

static Slots slots;
static struct mmsghdr replies[BATCH];
static Control controls[BATCH];

/* Whether slot `i` may ride behind slot `first` in one train. */
static int fits(int first, int i) {
  Address *a = &slots.names[first], *b = &slots.names[i];
  return i - first < BATCH && !segment_of(&slots.messages[i].msg_hdr) &&
         slots.messages[i].msg_len == slots.messages[first].msg_len &&
         a->in.sin_port == b->in.sin_port &&
         a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

/* Makes the reply to slot `first` and its neighbours; returns the next slot. */
static int fill_reply(int first, int count, int reply) {
  struct msghdr *m = &replies[reply].msg_hdr;
  int segment = segment_of(&slots.messages[first].msg_hdr), next = first + 1;
  *m = (struct msghdr){.msg_name = &slots.names[first],
                       .msg_namelen = sizeof slots.names[first].in,
                       .msg_iov = &slots.vectors[first]};
  while (!segment && next < count && fits(first, next)) next++;
  for (int i = first; i < next; i++)
    slots.vectors[i].iov_len = slots.messages[i].msg_len;
  m->msg_iovlen = (size_t)(next - first);
  if (!segment && next > first + 1)
    segment = (int)slots.messages[first].msg_len;
  if (segment) set_segment(m, &controls[reply], segment);
  return next;
}

/* Reads one batch and sends it back. */
static void echo_batch(int fd) {
  slots_reset(&slots, BATCH);
  int count = recvmmsg(fd, slots.messages, BATCH, MSG_DONTWAIT, NULL);
  int total = 0;
  for (int i = 0; i < count; total++) i = fill_reply(i, count, total);
  for (int sent = 0, n; sent<total; sent += n> 0 ? n : 1)
    n = sendmmsg(fd, replies + sent, (unsigned)(total - sent), 0);
}

int main(int argc, char **argv) {
  int port, fd = open_bound(NULL, &port),
            epoll = check(epoll_create1(0), "epoll");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  if (argc > 1 && number(argv, "gro", 0) != 0) use_gro(fd);
  printf("ports=%d\n", port);
  fflush(stdout);
  while (epoll_wait(epoll, &event, 1, -1) >= 0) echo_batch(fd);
  return 0;
}
