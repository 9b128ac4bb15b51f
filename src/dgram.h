/* SPDX-License-Identifier: MIT */
/*
 * The map of the core: every struct and every function that crosses a file.
 * Files above the line "Lua" know nothing of Lua and answer with a count >= 0
 * or a negative errno; files below it are the Lua module `dgram.core`.
 */
#ifndef DGRAM_H
#define DGRAM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#pragma GCC visibility push(hidden) /* one name is exported: luaopen_ */

/* ------------------------------------------------------------ address.c */

/* A socket address and the number of its bytes that count. */
typedef struct Address {
  socklen_t length; /* bytes of the name; 0 when there is none */
  union {
    struct sockaddr base;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage any;
  } name;
} Address;

#define ADDRESS_TEXT 128 /* room for the text of any address */

int address_parse(Address *out, int family, const char *text, size_t size,
                  int port);
int address_literal(const char *text);
int address_port(const Address *address);
size_t address_text(const Address *address, char *text);
int address_equal(const Address *a, const Address *b);
size_t address_bytes(const Address *address, unsigned char bytes[16]);

/* ---------------------------------------------------------- blocklist.c */

typedef struct Range {
  unsigned char low[16], high[16]; /* inclusive; IPv4 in its mapped form */
  int for_v4;                      /* it holds for IPv4 addresses too */
} Range;

/* A set of address ranges; evaluated before Lua sees a datagram. */
typedef struct BlockList {
  Range *range;   /* the rules, in the order they were added */
  unsigned count; /* rules in use */
  unsigned room;  /* rules allocated */
} BlockList;

int blocklist_add(BlockList *list, const Address *low, const Address *high);
int blocklist_subnet(BlockList *list, const Address *net, int prefix);
int blocklist_check(const BlockList *list, const Address *address);
void blocklist_free(BlockList *list);

/* ------------------------------------------------------------- system.c */

#define SYSTEM_MESSAGES 64 /* messages one system call takes at most */
#define SYSTEM_SEGMENTS 64 /* datagrams one train holds at most */
#define SYSTEM_TRAIN 65507 /* bytes one train holds at most */
#define SYSTEM_CONTROL 64  /* bytes of control messages a datagram brings */

/* One message for the kernel: a datagram, or a train of equal segments. */
typedef struct Outgoing {
  const Address *to; /* destination; NULL when connected */
  struct iovec data; /* the payload, contiguous */
  unsigned segment;  /* bytes a segment; 0: one datagram */
  unsigned items;    /* datagrams it stands for */
} Outgoing;

/* One message from the kernel: a datagram, or a train of equal segments. */
typedef struct Incoming {
  Address from;   /* the sender; length 0 when it has no name */
  char *data;     /* where the payload goes */
  size_t room;    /* bytes there */
  size_t size;    /* bytes that came */
  size_t segment; /* bytes a segment; 0: one datagram */
  int truncated;  /* it was larger than the room */
} Incoming;

typedef struct OpenOptions {
  int family;     /* AF_INET, AF_INET6, AF_UNIX */
  int reuse_addr; /* share the address with other sockets that agree */
  int reuse_port; /* share the port and spread the load */
  int ipv6_only;  /* an IPv6 socket refuses IPv4 */
} OpenOptions;

int system_open(const OpenOptions *options);
int system_adopt(int fd, int wanted);
const char *system_kind(int fd);
void system_close(int fd);
void system_detach(int fd);
int system_bind_local(int fd, const Address *path, int mode);
int system_disconnect(int fd);
int system_receive(int fd, Incoming *in, int count, int family);
int system_send(int fd, const Outgoing *out, int count);
int system_error(int fd);
int system_puzzle(int fd, int family);
uint64_t system_now(void);
int system_enable_gro(int fd, int on);
unsigned system_dropped(int fd);
int system_has_gso(int fd);

typedef struct OptionRow {
  const char *name; /* as the Lua side spells it */
  int v4[2];        /* level and option for IPv4 sockets; level -1: none */
  int v6[2];        /* the same for IPv6 */
  int local[2];     /* the same for unix sockets */
} OptionRow;

extern const OptionRow system_options[];

/* ---------------------------------------------------------- multicast.c */

int multicast_member(int fd, const Address *group, const Address *source,
                     unsigned interface, int join);
int multicast_leave_by(int fd, int family, unsigned interface,
                       const struct in_addr *source);
int multicast_interface(const char *text, int family, unsigned *index);
int multicast_interfaces(int family, unsigned *index, int room);

/* -------------------------------------------------------------- errno.c */

const char *errno_name(int error);
int errno_number(const char *name);

/* ------------------------------------------------------------ receive.c */

#define BATCH_SLOTS 32

/* One datagram, cut out of what the kernel delivered. */
typedef struct Datagram {
  const Address *from; /* its sender */
  const char *data;    /* its payload, valid until the batch is used again */
  size_t size;         /* bytes of payload */
} Datagram;

/* What one system call brought, and how much of it was handed out. */
typedef struct Batch {
  struct Batch *next;         /* the spare batch that follows */
  int count;                  /* messages filled */
  int index;                  /* the message being handed out */
  size_t offset;              /* bytes of it already handed out */
  Incoming slot[BATCH_SLOTS]; /* the messages */
  char memory[];              /* their payloads */
} Batch;

Batch *batch_new(void);
int batch_fill(Batch *batch, int fd, int family);
int batch_next(Batch *batch, Datagram *out);

/* --------------------------------------------------------------- send.c */

/* A datagram in the queue; its payload lies in the same block. */
typedef struct Item {
  uint32_t data; /* where its payload begins in the block */
  uint32_t size; /* bytes of payload */
  uint32_t name; /* where its destination lies; UINT32_MAX: connected */
  int32_t ref;   /* the owner's note; below 0: only failures matter; 0: none */
  int32_t error; /* its verdict: 0 or a negative errno */
} Item;

/* Memory of a run of datagrams: payloads grow up, items grow down. */
typedef struct Block {
  struct Block *next; /* the block that follows in the queue */
  uint32_t size;      /* bytes of memory */
  uint32_t used;      /* bytes of payload and destinations */
  uint32_t name;      /* the last destination written; UINT32_MAX: none */
  uint32_t count;     /* items written */
  uint32_t sent;      /* items with a verdict */
  uint32_t reported;  /* items whose verdict was handed out */
  int watched;        /* somebody wants to hear a verdict of its items */
  char *memory;       /* the bytes */
} Block;

/* Blocks kept for the next queue that needs one. */
typedef struct Pool {
  Block *free; /* spare blocks */
  int count;   /* how many */
} Pool;

/* The datagrams a socket has accepted, in order, until they are reported. */
typedef struct Queue {
  Pool *pool;          /* where blocks come from */
  struct Lane *lanes;  /* refusals; unix: what waits for peers */
  int lone;            /* it is such a lane itself */
  Block *first, *last; /* oldest and newest block */
  Block *unsent;       /* no block before it has datagrams to send */
  size_t count;        /* datagrams without a verdict */
  size_t bytes;        /* their bytes */
  size_t unreported;   /* datagrams with a verdict that nobody was told */
  unsigned segments;   /* datagrams a train may hold; below 2: no trains */
  unsigned largest;    /* bytes of the largest segment that may ride */
  unsigned singles;    /* datagrams that go alone: their train was refused */
  int refusal;         /* why it was */
  int single;          /* one message a call: look for its own error */
  int retried;         /* the next datagram was refused once already */
  int local;           /* unix: no errors from afar, EAGAIN may be a peer's */
  int remote;          /* an error of an earlier datagram, or 0 */
  uint64_t sent;       /* datagrams the kernel took */
  uint64_t sent_bytes; /* their bytes */
  uint64_t errors;     /* datagrams refused */
  uint64_t remotes;    /* errors that remote hosts caused */
} Queue;

/* What waits beside the queue, so that nobody else has to: the datagrams for
   one unix peer that does not read, or refusals that are to be told. */
typedef struct Lane {
  struct Lane *next; /* the lane of another peer */
  Queue queue;       /* what waits */
  Address to;        /* for whom; length 0: refusals */
  uint64_t tried;    /* when it was tried last, by system_now() */
  unsigned vain;     /* milliseconds it has been tried in vain */
  uint64_t sent;     /* datagrams the kernel had taken by then, for anybody */
} Lane;

/* What a queue and its lanes hold. */
typedef struct Load {
  size_t count;      /* datagrams without a verdict */
  size_t bytes;      /* their bytes */
  size_t unreported; /* datagrams with a verdict that nobody was told */
  size_t live;       /* of those that count holds: not for stuck peers */
  size_t live_bytes; /* their bytes */
} Load;

/* What became of a datagram. */
typedef struct Verdict {
  int ref;           /* the owner's note */
  int error;         /* 0 or a negative errno */
  size_t size;       /* bytes of payload */
  const Address *to; /* destination; NULL when connected */
} Verdict;

enum { QUEUE_EMPTY, QUEUE_WRITABLE, QUEUE_LATER };

void queue_init(Queue *queue, Pool *pool);
void queue_free(Queue *queue);
char *queue_push(Queue *queue, const Address *to, size_t size, int ref,
                 int error);
int queue_refuse(Queue *queue, const Address *to, size_t size, int ref,
                 int error);
int queue_flush(Queue *queue, int fd);
int queue_flush_lanes(Queue *queue, int fd);
Load queue_load(const Queue *queue);
Queue *queue_of(Queue *queue, const Address *to);
void queue_cancel(Queue *queue, int error);
int queue_report(Queue *queue, Verdict *out);
void pool_free(Pool *pool);

#pragma GCC visibility pop

#endif
