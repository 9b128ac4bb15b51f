/* SPDX-License-Identifier: MIT */
/* Sends one size of datagram as fast as the kernel takes it, by sendmmsg.
 *   sender ports=1,2,3 | path=FILE  size=64  burst=64  gso=0  flows=1  warmup=.1  time=0
 * `burst` datagrams go to one destination, then as many to the next; with gso=1
 * each burst is one train; with flows=N each call is by the next of N sockets, so
 * that the kernel spreads them over what shares the port. With time=0 it sends until it is killed. */
#include "bench.h"

#define MAX_FLOWS 256

static struct mmsghdr messages[MAX_SOCKETS * BATCH];
static Address destinations[MAX_SOCKETS];
static char payload[SLOT];
static struct iovec vector;
static Control control;

/* Reads "1,2,3" into the destinations; returns how many there are. */
static int parse_ports(const char *ports) {
  int count = 0;
  while (*ports && count < MAX_SOCKETS) {
    char *end;
    address_of(&destinations[count++], NULL, (int)strtol(ports, &end, 10));
    ports = *end ? end + 1 : end;
  }
  return count;
}

/* Lays out at least a batch of messages, whole rounds of the destinations. */
static int fill(int count, int burst) {
  int round = count * burst;
  int total = round >= BATCH ? round : BATCH / round * round;
  for (int i = 0; i < total; i++) {
    struct msghdr *m = &messages[i].msg_hdr;
    m->msg_iov = &vector;
    m->msg_iovlen = 1;
    if (count > 1) {
      m->msg_name = &destinations[i / burst % count];
      m->msg_namelen = sizeof destinations[0].in;
    }
  }
  return total;
}

/* Sends one batch; returns how many the kernel took, waiting when it is full. A
 * receiver that has gone is no error: the run is over. */
static int send_batch(int fd, struct mmsghdr *first, int count) {
  int sent = sendmmsg(fd, first, (unsigned)count, 0);
  if (sent < 0 && errno == EAGAIN) {
    struct pollfd p = {fd, POLLOUT, 0};
    poll(&p, 1, -1);
  } else if (sent < 0 && errno != ECONNREFUSED && errno != ENOTCONN) {
    die("sendmmsg");
  }
  return sent < 0 ? 0 : sent;
}

/* Opens a socket; connects it to the destination if there is only one. */
static int open_sender(const char *path, int count) {
  int type = SOCK_DGRAM | SOCK_NONBLOCK;
  int fd = check(socket(path ? AF_UNIX : AF_INET, type, 0), "socket");
  if (count == 1)
    check(connect(fd, &destinations[0].any,
                  path ? sizeof destinations[0].un : sizeof destinations[0].in),
          "connect");
  return fd;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? text(argv, "path", NULL) : NULL;
  int size = (int)number(argv, "size", 64), gso = (int)number(argv, "gso", 0);
  int burst = (int)number(argv, "burst", BATCH);
  int segments =
      gso ? (SLOT - 64) / size < burst ? (SLOT - 64) / size : burst : 1;
  int count = path ? 1 : parse_ports(text(argv, "ports", ""));
  int fd[MAX_FLOWS], flows = (int)number(argv, "flows", 1), turn = 0;
  if (path) address_of(&destinations[0], path, 0);
  for (int i = 0; i < flows && i < MAX_FLOWS; i++) fd[i] = open_sender(path, count);
  vector = (struct iovec){payload, (size_t)(size * segments)};
  if (count == 0 || flows < 1 || flows > MAX_FLOWS) return 2;
  int total = fill(count, gso ? 1 : burst);
  for (int i = 0; gso && i < total; i++)
    set_segment(&messages[i].msg_hdr, &control, size);
  Window window = window_of(argv);
  uint64_t sent = 0;
  for (int at = 0; !window_tick(&window, sent, CLOCK_PROCESS_CPUTIME_ID);) {
    int left = total - at, batch = gso ? 4 : BATCH;
    int done = send_batch(fd[turn++ % flows], messages + at, left < batch ? left : batch);
    sent += (uint64_t)(done * segments);
    at = (at + done) % total;
  }
  return 0;
}
