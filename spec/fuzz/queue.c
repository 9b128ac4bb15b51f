/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the send queue against a model, with a kernel that takes, refuses and
 * cuts short as the input says. Each datagram is sent once or fails, never
 * both; datagrams for one destination keep their order, whether the socket is
 * connected to it or not; each leaves as it was told to; each completion comes
 * once and tells the truth;
 * trains are what the kernel allows; no more waits than may; 'drain' comes when
 * nothing waits.
 */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 250 /* datagrams a run; their numbers fit in a byte */
#define PEERS 40  /* destinations; more than lanes */
#define VIAS 6    /* ways to leave */

enum { PENDING, SENT, FAILED };

static struct {
  unsigned peer;   /* its destination */
  size_t size;     /* its bytes */
  unsigned via;    /* how it leaves; 0: as the socket's options say */
  int state;       /* what became of it, as the kernel saw it */
  int completions; /* how often that was told */
} items[ITEMS];
static int count;            /* datagrams pushed */
static size_t sent;          /* datagrams the kernel took */
static Address peers[PEERS]; /* the destinations */
static Passed shared;        /* the descriptors that all datagrams pass */
static const Via vias[VIAS + 1] = {
    [1] = {.family = AF_INET, .interface = 7, .tos = -1},
    [2] = {.family = AF_INET, .ttl = 9, .tos = 0, .from.v4.s_addr = 2},
    [3] = {.family = AF_INET6, .interface = 7, .ttl = 1, .tos = 255,
           .from.v6.s6_addr = {1, 2}},
    [4] = {.family = AF_INET6, .tos = -1, .from.v6.s6_addr = {1, 2}},
    [5] = {.family = AF_INET, .tos = 4},
    [VIAS] = {.family = AF_UNIX, .passed = &shared},
}; /* the ways to leave; the first is none */
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

/* Tells whether an item leaves in a way. */
static int leaves(int item, const Via *via) {
  return memcmp(via, &vias[items[item].via], sizeof *via) == 0;
}

/* The kernel takes a datagram: it is the first of its peer that is waiting,
   but for those that have failed meanwhile. Empty ones have no number. */
static void deliver(unsigned peer, const Via *via, const unsigned char *data,
                    size_t size) {
  int i;
  assert(peer != 0);
  for (i = 0; i < count; i++) {
    if (items[i].peer != peer || items[i].state != PENDING) continue;
    if (items[i].size == size && (size == 0 ? leaves(i, via) : data[0] == i))
      break;
    items[i].state = FAILED;
  }
  assert(i < count);
  items[i].state = SENT;
  assert(leaves(i, via));
  for (; size > 0; size--) assert(data[size - 1] == i);
  sent++;
}

/* Copies what a control message carries, which has this size. */
static void carry(void *to, const struct cmsghdr *c, size_t size) {
  assert(c->cmsg_len == CMSG_LEN(size));
  memcpy(to, CMSG_DATA(c), size);
}

/* Reads a control message of how a datagram leaves. */
static void read_via(const struct cmsghdr *c, Via *via) {
  struct in_pktinfo v4;
  struct in6_pktinfo v6;
  int value, is_v6 = c->cmsg_level == IPPROTO_IPV6;
  assert(is_v6 || c->cmsg_level == IPPROTO_IP);
  via->family = is_v6 ? AF_INET6 : AF_INET;
  if (is_v6 && c->cmsg_type == IPV6_PKTINFO) {
    carry(&v6, c, sizeof v6);
    via->from.v6 = v6.ipi6_addr;
    via->interface = v6.ipi6_ifindex;
  } else if (!is_v6 && c->cmsg_type == IP_PKTINFO) {
    carry(&v4, c, sizeof v4);
    via->from.v4 = v4.ipi_spec_dst;
    via->interface = (unsigned)v4.ipi_ifindex;
  } else {
    carry(&value, c, sizeof value);
    if (c->cmsg_type == (is_v6 ? IPV6_HOPLIMIT : IP_TTL))
      via->ttl = (int16_t)value;
    else via->tos = (int16_t)value;
    assert(value >= 0 && value < 256);
  }
}

/* Reads the control messages of a message: returns its segment size, 0 for one
   datagram, and how it leaves. */
static size_t read_controls(struct msghdr *header, Via *via) {
  struct cmsghdr *c = CMSG_FIRSTHDR(header);
  uint16_t size = 0;
  if (header->msg_control == shared.control) return *via = vias[VIAS], 0;
  memset(via, 0, sizeof *via);
  via->tos = -1;
  assert(header->msg_controllen <= CONTROL_OUT);
  for (; c != NULL; c = CMSG_NXTHDR(header, c)) {
    if (c->cmsg_level == IPPROTO_UDP) carry(&size, c, sizeof size);
    else read_via(c, via);
  }
  if (via->family == 0) via->tos = 0; /* as vias[0] */
  return size;
}

/* Checks a message and takes its datagrams. */
static void take_message(Message *message) {
  struct msghdr *header = &message->header;
  const unsigned char *data = header->msg_iov->iov_base;
  size_t rest = header->msg_iov->iov_len, all = rest;
  Via via;
  size_t segment = read_controls(header, &via);
  unsigned peer = peer_number(header->msg_name, header->msg_namelen);
  unsigned segments = 0;
  do {
    size_t size = segment != 0 && segment < rest ? segment : rest;
    deliver(peer, &via, data, size);
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
    [CONTROL_SOURCE] = {IPPROTO_IP, IP_PKTINFO},
    [CONTROL_PKTINFO6] = {IPPROTO_IPV6, IPV6_PKTINFO},
    [CONTROL_SENDTTL] = {IPPROTO_IP, IP_TTL},
    [CONTROL_HOPLIMIT] = {IPPROTO_IPV6, IPV6_HOPLIMIT},
    [CONTROL_SENDTOS] = {IPPROTO_IP, IP_TOS},
    [CONTROL_TCLASS] = {IPPROTO_IPV6, IPV6_TCLASS},
    [CONTROL_ERROR_V4] = {IPPROTO_IP, IP_RECVERR},
};

int system_write_source(void *data, struct in_addr from, unsigned interface) {
  struct in_pktinfo info = {.ipi_ifindex = (int)interface};
  info.ipi_spec_dst = from;
  memcpy(data, &info, sizeof info);
  return sizeof info;
}
int system_write_source6(void *data, const struct in6_addr *from,
                         unsigned interface) {
  struct in6_pktinfo info = {*from, interface};
  memcpy(data, &info, sizeof info);
  return sizeof info;
}

/* What comes is not for here. */
unsigned system_read_pktinfo(const void *data, size_t size,
                             struct in_addr *local, unsigned *interface,
                             int *broadcast) {
  return (void)data, (void)size, (void)local, (void)interface, (void)broadcast, 0;
}
const int system_broadcast_flag = 0;
int system_read_credentials(const void *data, size_t size, Credentials *out) {
  return (void)data, (void)size, (void)out, 0;
}

static const int errors[] = {EAGAIN, ENOBUFS, EMSGSIZE,     EINVAL,
                             EIO,    EPERM,   ECONNREFUSED, ENOMEM};

/* The queue of errors tells of any datagram, as the input says. */
int system_receive_error(int fd, struct msghdr *header) {
  unsigned what = take();
  struct cmsghdr *c = CMSG_FIRSTHDR(header);
  uint32_t error = (uint32_t)errors[what >> 1 & 7];
  uint8_t origin = what >> 4 & 3;
  (void)fd;
  if (!(what & 1)) return -EAGAIN;
  memset(c, 0, CMSG_LEN(32));
  c->cmsg_level = IPPROTO_IP;
  c->cmsg_type = IP_RECVERR;
  c->cmsg_len = CMSG_LEN(32);
  memcpy(CMSG_DATA(c), &error, sizeof error);
  memcpy(CMSG_DATA(c) + sizeof error, &origin, sizeof origin);
  header->msg_controllen = CMSG_LEN(32);
  header->msg_namelen = 0;
  return 0;
}

int system_send(int fd, Message *message, int messages) {
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
int system_watch(int *watcher, int fd, int events) {
  assert(events == POLLOUT);
  (void)fd;
  if (*watcher < 0) *watcher = 99;
  return take() & 1 ? -ENOSPC : 0;
}
void system_secure(int fd) { (void)fd; }
void system_unwatch(int watcher, int fd) { (void)watcher, (void)fd; }
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
  unsigned via = !(kind & 64) ? 0 : queue->local ? VIAS : (kind >> 4) % VIAS;
  size_t cost = COST_QUEUED + (via == VIAS ? COST_PASSED : 0);
  Route route, *given = peer != 0 || via != 0 ? &route : NULL;
  char *room;
  if (count == ITEMS || to == 0) return;
  route.to = peers[peer];
  route.via = via != 0 ? &vias[via] : NULL;
  if (!queue_accepts(queue, given, size + cost)) error = -ENOBUFS;
  items[count].peer = to;
  items[count].size = size;
  items[count].via = via;
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
  Fifo *fifo;
  while (most-- > 0 && (fifo = queue_peek(queue, &c)) != NULL) {
    int i = c.ref - 1;
    fifo_told(fifo);
    assert(i >= 0 && i < count);
    assert(c.size == items[i].size);
    if (c.to != NULL)
      assert(peer_number(&c.to->name, c.to->length) == items[i].peer);
    assert(items[i].completions++ == 0);
    if (items[i].state == PENDING) items[i].state = FAILED;
    if (items[i].size > 0) assert((c.error == 0) == (items[i].state == SENT));
  }
}

/* Takes some reports. */
static void take_reports(Queue *queue, unsigned most) {
  Report r;
  while (most-- > 0 && reports_take(queue->reports, &r))
    assert(r.origin != ORIGIN_NONE && r.error < 0);
}

/* Connects the socket, or disconnects it. */
static void change_peer(Queue *queue, unsigned peer) {
  if (connected != 0) {
    assert(queue_disconnect(queue, -1) == 0);
    connected = 0;
  } else if (peer % PEERS != 0) {
    connected = peer % PEERS;
    queue_connect(queue, &peers[connected]);
  }
}

/* Tells that send said no, or takes what is drained. */
static void drain(Queue *queue, unsigned peer) {
  Route route = {.to = peers[peer % PEERS]};
  Address who;
  queue_says_yes(queue, peer ? &route : NULL, 1);
  queue_note_drained(queue);
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
  assert(ledger->untold_bytes == 0);
  for (i = 0; i < count; i++) assert(items[i].completions == 1);
  assert(ledger->sent == sent && ledger->errors == (size_t)count - sent);
  queue->refused = 0;
  queue_note_drained(queue);
  while (queue_drained(queue, &who)) continue;
  assert(queue->lanes == NULL && descriptors == 0 && !queue_is_due(queue));
  assert(ledger->passed == 0 && shared.users == 1);
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
  Local local;
  unsigned op;
  if (peers[1].length == 0) make_peers();
  input = data;
  left = size;
  count = descriptors = 0;
  sent = connected = 0;
  shared.users = 1;
  shared.count = 1;
  shared.size = CMSG_SPACE(sizeof(int));
  op = take();
  queue_init(&queue, &pool, op & 1 ? &local : NULL);
  queue.named = op >> 1 & 1;
  queue.offload.segments = queue.local ? 0 : op & 2 ? SYSTEM_SEGMENTS : op >> 2;
  if (op & 128) queue.most = 1000;
  if (op & 32) queue.most_lanes = 4;
  if (op & 64) queue.high_water = 300;
  if (op & 16 && !queue.local) queue.reports = reports_new(&queue.ledger);
  while (left > 0) {
    op = take();
    switch (op & 7) {
      case 0: case 1: flush(&queue); break;
      case 2:
        report(&queue, op >> 3);
        take_reports(&queue, op >> 3);
        break;
      case 3: queue.async_error = 0; drain(&queue, op >> 3); break;
      case 4: change_peer(&queue, op >> 3); break;
      default: push(&queue, op >> 3 | (take() & 7) << 5);
    }
  }
  queue.async_error = 0;
  take_reports(&queue, UINT32_MAX);
  finish(&queue, &pool);
  return 0;
}
