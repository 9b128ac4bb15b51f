/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the send queue against a model, with a kernel that takes, refuses and
 * cuts short as the input says. Each datagram is sent once or fails, never
 * both; datagrams for one destination keep their order, whether the socket is
 * connected to it or not; each completion comes once and tells the truth;
 * trains are what the kernel allows; no more waits than may; 'drain' comes when
 * nothing waits.
 */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 250 /* datagrams a run; their numbers fit in a byte */
#define PEERS 40  /* destinations; more than lanes */

enum { PENDING, SENT, FAILED };

static struct {
  unsigned peer;   /* its destination */
  size_t size;     /* its bytes */
  int state;       /* what became of it, as the kernel saw it */
  int completions; /* how often that was told */
} items[ITEMS];
static int count;            /* datagrams pushed */
static size_t sent;          /* datagrams the kernel took */
static Address peers[PEERS]; /* the destinations */
static unsigned connected;   /* the peer of the socket; 0: none */
static int descriptors;      /* of lanes that are open */
static const uint8_t *input; /* what is to happen */
static size_t left;          /* bytes of it */

/* Takes the next byte of the input; 0 when there is none. */
static unsigned take(void) { return left > 0 ? (left--, *input++) : 0; }

/* Returns the number of a destination. */
static unsigned peer_number(const void *name, socklen_t length) {
  unsigned i;
  if (name == NULL) return connected;
  for (i = 1; i < PEERS; i++)
    if (peers[i].length == length && !memcmp(&peers[i].name, name, length))
      return i;
  abort();
}

/* The kernel takes a datagram: it is the first of its peer that is waiting,
   but for those that have failed meanwhile. */
static void deliver(unsigned peer, const unsigned char *data, size_t size) {
  int i;
  assert(peer != 0);
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

/* Returns the segment size of a message; 0: one datagram. */
static size_t segment_of(struct msghdr *header) {
  struct cmsghdr *c = CMSG_FIRSTHDR(header);
  uint16_t size;
  if (c == NULL) return 0;
  assert(c->cmsg_type == UDP_SEGMENT && c->cmsg_len == CMSG_LEN(sizeof size));
  assert(header->msg_controllen == CMSG_SPACE(sizeof size));
  memcpy(&size, CMSG_DATA(c), sizeof size);
  return size;
}

/* Checks a message and takes its datagrams. */
static void take_message(Message *message) {
  struct msghdr *header = &message->header;
  const unsigned char *data = header->msg_iov->iov_base;
  size_t rest = header->msg_iov->iov_len, all = rest;
  size_t segment = segment_of(header);
  unsigned peer = peer_number(header->msg_name, header->msg_namelen);
  unsigned segments = 0;
  do {
    size_t size = segment != 0 && segment < rest ? segment : rest;
    deliver(peer, data, size);
    data += size;
    rest -= size;
    segments++;
  } while (rest > 0);
  assert((segment == 0) == (segments == 1) && segments <= SYSTEM_SEGMENTS);
  assert(segments == 1 || all <= SYSTEM_TRAIN);
}

const ControlRow system_controls[CONTROL_KINDS] = {
    [CONTROL_GRO] = {IPPROTO_UDP, UDP_GRO},
    [CONTROL_GSO] = {IPPROTO_UDP, UDP_SEGMENT},
};

int system_send(int fd, Message *message, int messages) {
  static const int errors[] = {EAGAIN, ENOBUFS, EMSGSIZE, EINVAL, EIO,
                               EPERM,  ECONNREFUSED, ENOMEM};
  unsigned what = take();
  int i, most = messages;
  (void)fd;
  assert(messages > 0 && messages <= SYSTEM_MESSAGES);
  if (what & 1) return -errors[what >> 1 & 7];
  if (what & 2) most = 1 + (int)(what >> 2) % messages;
  for (i = 0; i < most; i++) take_message(&message[i]);
  return most;
}

/* What a lane asks of the system: each succeeds or fails as the input says. */
int system_open(const OpenOptions *options) {
  assert(options->family == AF_UNIX);
  return take() & 1 ? -EMFILE : 100 + descriptors++;
}
int system_connect(int fd, const Address *peer) {
  (void)fd, (void)peer;
  return take() & 1 ? -EPERM : 0;
}
int system_watch(int *watcher, int fd) {
  (void)fd;
  if (*watcher < 0) *watcher = 99;
  return take() & 1 ? -ENOSPC : 0;
}
void system_close(int fd) { descriptors -= fd != 99; }
void system_copy_send_buffer(int from, int to) { (void)from, (void)to; }
int system_is_buffer_full(int fd) { return (void)fd, take() & 1; }
int system_is_writable(int fd) { return (void)fd, take() & 1; }

/* Pushes the next datagram, whose bytes are its number; no more than may wait
   then does. */
static void push(Queue *queue, unsigned how) {
  unsigned peer = how % PEERS, kind = take(), to = peer ? peer : connected;
  size_t size = kind & 1 ? kind >> 1 & 7 : (size_t)take() << (kind >> 1 & 7);
  int error = (how & 224) == 224 ? -EMSGSIZE : 0;
  const Ledger *ledger = &queue->ledger;
  Route route, *given = peer != 0 ? &route : NULL;
  char *room;
  if (count == ITEMS || to == 0) return;
  route.to = peers[peer];
  if (!queue_accepts(queue, given, size + COST_QUEUED)) error = -ENOBUFS;
  items[count].peer = to;
  items[count].size = size;
  items[count].state = error != 0 ? FAILED : PENDING;
  items[count].completions = 0;
  room = queue_push(queue, given, size, count + 1, error);
  assert(error != 0 || ledger->count == 1 ||
         ledger->bytes + ledger->count * COST_QUEUED <= queue->most);
  if (error == 0) memset(room, count, size);
  count++;
}

/* Takes some completions and checks them. */
static void report(Queue *queue, unsigned most) {
  Completion c;
  while (most-- > 0 && queue_next(queue, &c)) {
    int i = c.ref - 1;
    assert(i >= 0 && i < count);
    assert(c.size == items[i].size);
    if (c.route != NULL)
      assert(peer_number(&c.route->to.name, c.route->to.length) ==
             items[i].peer);
    assert(items[i].completions++ == 0);
    if (items[i].state == PENDING) items[i].state = FAILED;
    if (items[i].size > 0) assert((c.error == 0) == (items[i].state == SENT));
  }
}

/* Connects the socket, or disconnects it. */
static void change_peer(Queue *queue, unsigned peer) {
  if (connected != 0) {
    assert(queue_disconnect(queue) == 0);
    connected = 0;
  } else if (peer % PEERS != 0) {
    connected = peer % PEERS;
    queue_connect(queue, &peers[connected]);
  }
}

/* Tells that send said no, or takes what is drained. */
static void drain(Queue *queue, unsigned peer) {
  Route route;
  Address who;
  route.to = peers[peer % PEERS];
  queue_says_yes(queue, peer ? &route : NULL, 1);
  while (queue_drained(queue, &who))
    if (who.length == 0) assert(queue->fifo.count == 0);
}

/* Hands over what does not wait, as the socket's turn does. */
static void flush(Queue *queue) {
  queue_flush(queue, -1);
  if (queue->lanes != NULL) lanes_flush(queue, -1);
}

/* Ends a run: everything has its completion then, and nothing is left. */
static void finish(Queue *queue, Pool *pool) {
  int i;
  Address who;
  const Ledger *ledger = &queue->ledger;
  queue_cancel(queue, -ECANCELED);
  report(queue, UINT32_MAX);
  assert(ledger->count == 0 && ledger->bytes == 0 && ledger->unreported == 0);
  for (i = 0; i < count; i++) assert(items[i].completions == 1);
  assert(ledger->sent == sent && ledger->errors == (size_t)count - sent);
  while (queue_drained(queue, &who)) continue;
  assert(queue->lanes == NULL && descriptors == 0 && !queue_is_due(queue));
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
  count = descriptors = 0;
  sent = connected = 0;
  op = take();
  queue_init(&queue, &pool, op & 1);
  queue.named = op >> 1 & 1;
  queue.offload.segments = queue.local ? 0 : op & 2 ? SYSTEM_SEGMENTS : op >> 2;
  if (op & 128) queue.most = 1000;
  if (op & 64) queue.high_water = 300;
  while (left > 0) {
    op = take();
    switch (op & 7) {
      case 0: case 1: flush(&queue); break;
      case 2: report(&queue, op >> 3); break;
      case 3: queue.async_error = 0; drain(&queue, op >> 3); break;
      case 4: change_peer(&queue, op >> 3); break;
      default: push(&queue, op >> 3 | (take() & 7) << 5);
    }
  }
  queue.async_error = 0;
  finish(&queue, &pool);
  return 0;
}
