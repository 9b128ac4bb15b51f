/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the send queue against a model, with a kernel that takes, refuses and
 * cuts short as the input says. Each datagram is sent once or fails, never
 * both; datagrams for one destination keep their order; each verdict somebody
 * waits for comes once and tells the truth; trains are what the kernel allows.
 */
#include "dgram.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 250 /* datagrams a run; their numbers fit in a byte */
#define PEERS 20  /* destinations, and "connected" */

enum { PENDING, SENT, FAILED };

static struct {
  unsigned peer; /* its destination */
  size_t size;   /* its bytes */
  int state;     /* what became of it, as the kernel saw it */
  int verdicts;  /* how often that was reported */
} items[ITEMS];
static int count;             /* datagrams pushed */
static size_t sent;           /* datagrams the kernel took */
static Address peers[PEERS];  /* the destinations */
static const uint8_t *input;  /* what is to happen */
static size_t left;           /* bytes of it */
static uint64_t now;          /* milliseconds */

/* Takes the next byte of the input; 0 when there is none. */
static unsigned take(void) { return left > 0 ? (left--, *input++) : 0; }

/* Returns the number of a destination. */
static unsigned peer_number(const Address *to) {
  unsigned i;
  if (to == NULL) return 0;
  for (i = 1; i < PEERS; i++)
    if (address_equal(&peers[i], to)) return i;
  abort();
}

/* The kernel takes a datagram: it is the first of its peer that is waiting,
   but for those that have failed meanwhile. */
static void deliver(unsigned peer, const unsigned char *data, size_t size) {
  int i;
  for (i = 0; i < count; i++) {
    if (items[i].peer != peer || items[i].state != PENDING) continue;
    if (items[i].size == size && (size == 0 || data[0] == i)) break;
    items[i].state = FAILED;
  }
  assert(i < count);
  items[i].state = SENT;
  for (; size > 0; size--) assert(data[size - 1] == i);
  sent++;
}

/* Checks a message and takes its datagrams. */
static void transmit(const Outgoing *out) {
  const unsigned char *data = out->data.iov_base;
  size_t rest = out->data.iov_len;
  unsigned segments = 0;
  do {
    size_t size = out->segment != 0 && out->segment < rest ? out->segment : rest;
    deliver(peer_number(out->to), data, size);
    data += size;
    rest -= size;
    segments++;
  } while (rest > 0);
  assert(segments == out->items && segments <= SYSTEM_SEGMENTS);
  assert(segments == 1 || out->data.iov_len <= SYSTEM_TRAIN);
}

/* The clock goes on with each look at it. */
uint64_t system_now(void) { return now += 20; }

int system_send(int fd, const Outgoing *out, int messages) {
  static const int errors[] = {EAGAIN, ENOBUFS, EMSGSIZE, EINVAL, EIO,
                               EPERM,  ECONNREFUSED, ENOMEM};
  unsigned what = take();
  int i, most = messages;
  (void)fd;
  assert(messages > 0 && messages <= SYSTEM_MESSAGES);
  if (what & 1) return -errors[what >> 1 & 7];
  if (what & 2) most = 1 + (int)(what >> 2) % messages;
  for (i = 0; i < most; i++) transmit(&out[i]);
  return most;
}

/* Pushes the next datagram, whose bytes are its number. */
static void push(Queue *queue, unsigned how) {
  unsigned peer = how % PEERS, kind = take();
  size_t size = kind & 1 ? kind >> 1 & 7 : (size_t)take() << (kind >> 1 & 7);
  int error = (how & 224) == 224 ? -EMSGSIZE : 0;
  char *room;
  if (count == ITEMS) return;
  items[count].peer = peer;
  items[count].size = size;
  items[count].state = error != 0 ? FAILED : PENDING;
  items[count].verdicts = 0;
  room = queue_push(queue, peer != 0 ? &peers[peer] : NULL, size, count + 1,
                    error);
  if (error == 0) memset(room, count, size);
  count++;
}

/* Takes some verdicts and checks them. */
static void report(Queue *queue, unsigned most) {
  Verdict v;
  while (most-- > 0 && queue_report(queue, &v)) {
    int i = v.ref - 1;
    assert(i >= 0 && i < count);
    assert(v.size == items[i].size && peer_number(v.to) == items[i].peer);
    assert(items[i].verdicts++ == 0);
    if (items[i].state == PENDING) items[i].state = FAILED;
    if (items[i].size > 0) assert((v.error == 0) == (items[i].state == SENT));
  }
}

/* Ends a run: everything has its verdict then, and nothing is left. */
static void finish(Queue *queue, Pool *pool) {
  int i;
  Load load;
  queue_cancel(queue, -ECANCELED);
  report(queue, UINT32_MAX);
  load = queue_load(queue);
  assert(load.count == 0 && load.bytes == 0 && load.unreported == 0);
  assert(load.live == 0 && load.live_bytes == 0);
  for (i = 0; i < count; i++) assert(items[i].verdicts == 1);
  assert(queue->sent == sent);
  queue_free(queue);
  pool_free(pool);
}

/* Makes the destinations. */
static void make_peers(void) {
  int i;
  for (i = 1; i < PEERS; i++)
    address_parse(&peers[i], AF_INET, "127.0.0.1", 9, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Pool pool = {0};
  Queue queue;
  unsigned op;
  if (peers[1].length == 0) make_peers();
  input = data;
  left = size;
  count = 0;
  sent = 0;
  now = 0;
  op = take();
  queue_init(&queue, &pool);
  queue.local = op & 1;
  queue.segments = queue.local ? 0 : op & 2 ? SYSTEM_SEGMENTS : op >> 2;
  while (left > 0) {
    op = take();
    switch (op & 3) {
      case 0: queue_flush(&queue, -1); break;
      case 1: report(&queue, op >> 2); break;
      case 2: queue_flush_lanes(&queue, -1); break;
      default: push(&queue, op >> 2 | (take() & 3) << 6);
    }
  }
  finish(&queue, &pool);
  return 0;
}
