/* SPDX-License-Identifier: MIT */
/* The load of an echo server: keeps `flight` datagrams under way, each request its
 * own datagram, and measures rate, round trip and the server's CPU time.
 *   load ports=N pid=SERVER flight=1 size=64 warmup=.1 time=1
 * With rate=R it sends R requests a second instead, whatever is under way.
 * It spins: no wake-up of its own adds to the round trip. */
#include "bench.h"

#define SAMPLES (1u << 22)
#define LOST 0.05 /* seconds without a reply: what was under way is lost */

static Slots slots;
static struct mmsghdr requests[BATCH];
static struct iovec vectors[BATCH];
static char payloads[BATCH][2048];
static float *samples; /* round trips in microseconds */
static unsigned sampled;
static int size, gro;

/* Sends `count` requests, each stamped with its time. */
static void send_requests(int fd, int count) {
  double t = now();
  for (int part; count > 0; count -= part) {
    part = count < BATCH ? count : BATCH; /* more answers may come at once */
    for (int i = 0; i < part; i++) memcpy(payloads[i], &t, sizeof t);
    for (int sent = 0, n; sent < part; sent += n > 0 ? n : 0)
      n = sendmmsg(fd, requests + sent, (unsigned)(part - sent), 0);
  }
}

/* Notes the round trips of one received train or datagram; returns how many. */
static int note(struct mmsghdr *m, double t, int keep) {
  int segment = segment_of(&m->msg_hdr), count = 0;
  char *bytes = m->msg_hdr.msg_iov->iov_base;
  if (!segment) segment = size;
  for (unsigned at = 0; at < m->msg_len; at += (unsigned)segment, count++) {
    double begin;
    memcpy(&begin, bytes + at, sizeof begin);
    if (keep && sampled < SAMPLES)
      samples[sampled++] = (float)((t - begin) * 1e6);
  }
  return count;
}

/* Takes the replies that are there; returns how many. */
static int take_replies(int fd, int keep) {
  slots_reset(&slots, BATCH);
  int count = recvmmsg(fd, slots.messages, BATCH, MSG_DONTWAIT, NULL), n = 0;
  double t = count > 0 ? now() : 0;
  for (int i = 0; i < count; i++) n += note(&slots.messages[i], t, keep);
  return n;
}

/* Keeps `flight` requests under way until the window closes; returns how many were
 * lost. */
static uint64_t keep_flight(int fd, Window *window, clockid_t server, int flight) {
  uint64_t replies = 0, lost = 0;
  double last = now();
  send_requests(fd, flight);
  while (!window_tick(window, replies, server)) {
    int n = take_replies(fd, window->state == 2);
    if (n > 0) {
      last = now();
      replies += (uint64_t)n;
      send_requests(fd, n);
    } else if (now() - last > LOST) {
      lost += (uint64_t)flight;
      last = now();
      send_requests(fd, flight);
    }
  }
  return lost;
}

/* Sends `rate` requests a second until the window closes; returns how many have no
 * reply. */
static uint64_t keep_rate(int fd, Window *window, clockid_t server, double rate) {
  uint64_t replies = 0, asked = 0;
  double begin = now();
  while (!window_tick(window, replies, server)) {
    int due = (int)((now() - begin) * rate - (double)asked);
    if (due > 0) send_requests(fd, due < BATCH ? due : BATCH);
    if (due > 0) asked += (uint64_t)(due < BATCH ? due : BATCH);
    replies += (uint64_t)take_replies(fd, window->state == 2);
  }
  return asked - replies;
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void print_percentiles(void) {
  if (sampled == 0) return;
  qsort(samples, sampled, sizeof *samples, compare);
  printf("p50=%.2f p99=%.2f\n", (double)samples[sampled / 2],
         (double)samples[(unsigned)(sampled * 0.99)]);
}

/* Lays out the requests and connects to the server. */
static int setup(char **argv) {
  Address server;
  socklen_t length = address_of(&server, NULL, (int)number(argv, "ports", 0));
  int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  check(connect(fd, &server.any, length), "connect");
  size = (int)number(argv, "size", 64);
  gro = (int)number(argv, "gro", 1);
  if (gro) use_gro(fd);
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){payloads[i], (size_t)size};
    requests[i].msg_hdr.msg_iov = &vectors[i];
    requests[i].msg_hdr.msg_iovlen = 1;
  }
  return fd;
}

int main(int argc, char **argv) {
  clockid_t server = CLOCK_PROCESS_CPUTIME_ID;
  int fd = argc > 1 ? setup(argv) : -1, flight = (int)number(argv, "flight", 1);
  double rate = number(argv, "rate", 0);
  pid_t pid = (pid_t)number(argv, "pid", 0);
  if (pid && clock_getcpuclockid(pid, &server) != 0) die("clock_getcpuclockid");
  if (!(samples = malloc(SAMPLES * sizeof *samples))) die("malloc");
  memset(samples, 0, SAMPLES * sizeof *samples); /* no page faults later */
  Window window = window_of(argv);
  uint64_t lost = rate > 0 ? keep_rate(fd, &window, server, rate)
                           : keep_flight(fd, &window, server, flight);
  print_percentiles();
  printf("lost=%llu\n", (unsigned long long)lost);
  return 0;
}
