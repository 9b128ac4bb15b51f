/* SPDX-License-Identifier: MIT */
/*
 * The engine: datagram sockets without Lua. Every struct and every function
 * that crosses a file, in the order of the layers: a file uses those above it.
 * Functions answer with a count >= 0 or a negative errno.
 */
#ifndef DGRAM_ENGINE_H
#define DGRAM_ENGINE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define _FILE_OFFSET_BITS 64 /* 32-bit systems: inodes and sizes of files, */
#define _TIME_BITS 64        /* and times that end in 2038 without it */
#define __APPLE_USE_RFC_3542 /* macOS: struct in6_pktinfo */

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

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
void address_of_v4(Address *out, const struct in_addr *bytes);
void address_of_v6(Address *out, const struct in6_addr *bytes, unsigned zone);
int address_literal(const char *text);
int address_port(const Address *address);
size_t address_text(const Address *address, char *text);
int address_equal(const Address *a, const Address *b);
size_t address_bytes(const Address *address, unsigned char bytes[16]);
int address_is_group(const Address *address);

/* ---------------------------------------------------------- blocklist.c */

typedef struct Range {
  unsigned char low[16], high[16]; /* inclusive; IPv4 in its mapped form */
} Range;

/* Ranges in ascending order, of which no two overlap. */
typedef struct Ranges {
  Range *range;
  unsigned count; /* ranges in use */
  unsigned room;  /* ranges allocated */
} Ranges;

/* A set of address ranges; evaluated before Lua sees a datagram. */
typedef struct BlockList {
  Ranges both; /* hold for IPv4 addresses, too */
  Ranges v6;   /* hold for those of IPv6 alone */
} BlockList;

int blocklist_add(BlockList *list, const Address *low, const Address *high);
int blocklist_subnet(BlockList *list, const Address *net, int prefix);
int blocklist_check(const BlockList *list, const Address *address);
void blocklist_free(BlockList *list);

/* -------------------------------------------------------------- errno.c */

const char *errno_name(int error);
int errno_number(const char *name);

/* ------------- system.c, system_io.c, system_group.c, system_option.c */

#define SYSTEM_MESSAGES 64        /* messages one system call takes at most */
#define SYSTEM_SEGMENTS 64        /* datagrams one train holds at most */
#define SYSTEM_TRAIN 65507        /* bytes one train holds at most */
#define SYSTEM_READY 64           /* descriptors a watcher tells of at most */
#define SYSTEM_LOCAL (512 * 1024) /* bytes of the largest unix datagram */

/* One message for a system call; laid out as Linux's struct mmsghdr. */
typedef struct Message {
  struct msghdr header; /* addresses, payload and control messages */
  unsigned size;        /* bytes that came or went */
} Message;

typedef struct OpenOptions {
  int family;     /* AF_INET, AF_INET6, AF_UNIX */
  int reuse_addr; /* share the address with other sockets that agree */
  int reuse_port; /* share the port and spread the load */
  int ipv6_only;  /* an IPv6 socket refuses IPv4 */
} OpenOptions;

void system_stay_loaded(const void *object);
void system_start(void);
pid_t system_process(void);
double system_now(void);
int system_open(const OpenOptions *options);
int system_adopt(int fd, int wanted);
int system_pair(int fd[2]);
int system_close_on_exec(int fd);
void system_secure(int fd);
void system_accept_rights(int fd, int on);
int system_is_named(int fd);
int system_peer(int fd, Address *peer);
const char *system_kind(int fd);
void system_close(int fd);
void system_detach(int fd);
int system_restrict_mode(int fd, int mode);
void system_widen_mode(const char *path, int mode);
int system_connect(int fd, const Address *peer);
int system_disconnect(int fd);
void system_settle_name(Address *address);
int system_member(int fd, const Address *group, const Address *source,
                  unsigned interface, int join);
int system_leave_by(int fd, int family, unsigned interface,
                    const struct in_addr *source);
int system_receive(int fd, Message *message, int count);
int system_send(int fd, Message *message, int count);
int system_error(int fd);
int system_report_errors(int fd, int family, int on);
int system_receive_error(int fd, struct msghdr *header);
void system_drain_errors(int fd);
int system_is_shut_down(int fd);
int system_is_buffer_full(int fd);
void system_copy_send_buffer(int from, int to);
int system_is_writable(int fd);
int system_spin(int fd, int microseconds);
int system_watch(int *watcher, int fd, int events);
void system_unwatch(int watcher, int fd);
int system_ready(int watcher, struct pollfd list[SYSTEM_READY]);
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
extern const int system_fragment[2]; /* values of dontFragment: may, must not */

int system_bind_interface(int fd, const char *name);

/* What a socket may ask to be told of a datagram, in the order of system_info.
   Sets of these have the bits 1 << INFO_. */
enum {
  INFO_LOCAL_ADDRESS,
  INFO_INTERFACE,
  INFO_TTL,
  INFO_TYPE_OF_SERVICE,
  INFO_TIMESTAMP,
  INFO_CREDENTIALS,
  INFO_DESCRIPTORS,
  INFO_KINDS
};

/* What makes the kernel tell it: options that hold an int, as in OptionRow; the
   option ALWAYS is none, for what it tells without being asked. */
enum { ALWAYS = -1 };
typedef struct InfoRow {
  const char *name; /* as the Lua side spells it */
  int v4[2];        /* level and option for IPv4 sockets; level -1: none */
  int v6[2];        /* the same for IPv6 */
  int mapped[2];    /* for IPv6 sockets besides, if they may hear IPv4 */
  int local[2];     /* the same for unix sockets */
  size_t room;      /* bytes of its control message, for unix sockets */
} InfoRow;

extern const InfoRow system_info[INFO_KINDS];

int system_can_tell(int family, int kind);
int system_tell(int fd, int family, unsigned wanted);
size_t system_control_room(int family, unsigned wanted);

/* Control messages by what they carry. */
enum {
  CONTROL_GRO,
  CONTROL_GSO,
  CONTROL_PKTINFO,  /* IPv4: local address and interface, or the address alone */
  CONTROL_PKTINFO6, /* IPv6: the same */
  CONTROL_TTL,
  CONTROL_RECVTTL, /* what the BSDs call the TTL of one that came */
  CONTROL_HOPLIMIT,
  CONTROL_TOS,
  CONTROL_RECVTOS, /* likewise */
  CONTROL_TCLASS,
  CONTROL_TIMESTAMPNS, /* a struct timespec */
  CONTROL_TIMESTAMP,   /* a struct timeval */
  CONTROL_CREDENTIALS, /* unix: who sent it */
  CONTROL_RIGHTS,      /* unix: descriptors */
  CONTROL_PIDFD,       /* unix: a descriptor for the sender's process */
  CONTROL_ERROR_V4,    /* of the queue of errors: why a datagram failed */
  CONTROL_ERROR_V6,
  CONTROL_SOURCE,      /* these leave; IPv4: source address and interface */
  CONTROL_SENDTTL,     /* IPv4: hops */
  CONTROL_SENDTOS,     /* IPv4: type of service */
  CONTROL_KINDS
};

typedef struct ControlRow {
  int level, type; /* as in struct cmsghdr; level -1: not on this platform */
} ControlRow;

extern const ControlRow system_controls[CONTROL_KINDS];

/* Who sent a unix datagram, as the kernel saw it. */
typedef struct Credentials {
  int pid;      /* 0: a process that this one cannot see */
  unsigned uid; /* of the user */
  unsigned gid; /* of the group */
} Credentials;

int system_read_credentials(const void *data, size_t size, Credentials *out);
unsigned system_read_pktinfo(const void *data, size_t size,
                             struct in_addr *local, unsigned *interface,
                             int *broadcast);
extern const int system_broadcast_flag;
int system_interface_name(int fd, unsigned index, char *name);

#define CONTROL_ROOM 512 /* bytes of control messages that come: others may have
                            asked for more before a descriptor was adopted */

int system_interface_index(int fd, const char *name, unsigned *index);

#define SYSTEM_SOURCE 20 /* bytes of the largest CONTROL_SOURCE or PKTINFO6 */

int system_write_source(void *data, struct in_addr from, unsigned interface);
int system_write_source6(void *data, const struct in6_addr *from,
                         unsigned interface);

/* ---------------------------------------------------------- multicast.c */

int multicast_interface(const char *text, int family, unsigned *index);
int multicast_interfaces(int family, unsigned *index, int room);

/* --------------------------------------------------------------- path.c */

/* The file of a bound unix socket. */
typedef struct BoundPath {
  char *path;             /* its absolute path; NULL: none */
  uint64_t device, inode; /* the file it must still be, to be removed */
} BoundPath;

int path_bind(int fd, const Address *path, int mode, BoundPath *bound);
void path_remove(BoundPath *bound);
void path_forget(BoundPath *bound);

/* ------------------------------------------------------------- passed.c */

#define PASSED_MOST 253 /* descriptors of a datagram: Linux's SCM_MAX_FD */
#define PASSED_ROOM CMSG_SPACE(PASSED_MOST * sizeof(int))

/* Copies of descriptors, for datagrams that wait to be sent with them. */
typedef struct Passed {
  unsigned users; /* datagrams that have it; the last one closes them */
  int count;      /* descriptors */
  size_t size;    /* bytes of the control message */
  size_t control[PASSED_ROOM / sizeof(size_t) + 1]; /* as the kernel takes it */
} Passed;

/* Descriptors that came with a datagram and that nobody has taken. */
typedef struct Rights {
  int count;
  int fd[PASSED_MOST];
} Rights;

Passed *passed_new(const int *fd, int count, int *error);
void passed_drop(Passed *passed);
void rights_add(Rights *rights, const unsigned char *data, size_t size);
void rights_close(Rights *rights);

/* ------------------------------------------------------------ control.c */

#define CONTROL_OUT 128 /* bytes of control messages that leave */

/* What control messages tell of a message that came. */
typedef struct Info {
  unsigned segment;   /* bytes a segment of a train; 0: one datagram */
  unsigned told;      /* 1 << INFO_: which of the following the kernel told */
  unsigned interface; /* index of the interface it came in by */
  int ttl;            /* hops left */
  int type_of_service;
  int broadcast; /* IPv4: local is the address of all on a link, or a group */
  struct timespec timestamp; /* when it came, since the epoch */
  Credentials credentials;   /* who sent it */
  Address local;             /* the address it was sent to, without a port */
} Info;

/* How a datagram leaves, when its sender asks for more than the socket's
   options say. Without padding: it is compared as bytes. */
typedef struct Via {
  Passed *passed;     /* unix: descriptors; NULL: none */
  int family;         /* AF_INET, for mapped addresses too, AF_INET6, AF_UNIX */
  unsigned interface; /* index of the interface; 0: the system's choice */
  int ttl;            /* hops; 0: as the socket's option says */
  int tos;            /* type of service; -1: as the socket's option says */
  union {
    struct in_addr v4;
    struct in6_addr v6;
  } from; /* the source address; zero: the system's choice */
} Via;

/* Where a datagram goes, and how. Equal routes may share a train. */
typedef struct Route {
  const Via *via; /* NULL: as the socket's options say */
  Address to;     /* destination, length 0: the peer; last, for what follows
                     its name is not kept */
} Route;

#define REPORT_DATA 1280 /* bytes of payload that may come back: all that
                            ICMPv6 carries (RFC 4443, section 2.4) */

/* Who says that a datagram failed, in the kernel's numbers. */
enum { ORIGIN_NONE, ORIGIN_LOCAL, ORIGIN_ICMP, ORIGIN_ICMP6 };

/* What the kernel tells of a datagram that failed on its way. */
typedef struct Report {
  Address to;             /* where it was sent; length 0: not told */
  Address offender;       /* the host that said so; length 0: not told */
  int error;              /* a negative errno */
  int origin;             /* ORIGIN_ */
  unsigned type, code;    /* of the ICMP message */
  uint32_t info;          /* EMSGSIZE: bytes the path takes; 0: not told */
  size_t size;            /* bytes of its payload that came back */
  char data[REPORT_DATA]; /* these */
} Report;

void control_read(struct msghdr *header, Info *info, Rights *rights);
void control_read_report(struct msghdr *header, Report *report);
void control_write(struct msghdr *header, const Route *route, unsigned segment);
int route_equal(const Route *a, const Route *b);
const Address *route_to(const Route *route);
Passed *route_passed(const Route *route);
const Route *route_by(const Route *to, const Route *how, Route *room);
int via_check(const Via *via);

/* ------------------------------------------------------------ receive.c */

#define BATCH_SLOTS 32

/* One message from the kernel: a datagram, or a train of equal segments. */
typedef struct Incoming {
  Address from;  /* the sender; length 0 when it has no name */
  char *data;    /* where the payload goes */
  size_t room;   /* bytes there */
  size_t size;   /* bytes that came */
  Info info;     /* what the kernel tells of it */
  int truncated; /* it, or what is told of it, was larger than the room */
} Incoming;

/* One datagram, cut out of what the kernel delivered. */
typedef struct Datagram {
  const Incoming *in; /* the message it came in */
  const char *data;   /* its payload, valid until the batch is used again */
  size_t size;        /* bytes of payload */
} Datagram;

/* What one system call brought, and how much of it was handed out. */
typedef struct Batch {
  struct Batch *next;         /* the spare batch that follows */
  int local;                  /* its slots have the size for unix sockets */
  int count;                  /* messages filled */
  int index;                  /* the message being handed out */
  size_t offset;              /* bytes of it already handed out */
  Rights rights;              /* unix: descriptors that came with it */
  int cut;                    /* some did not, for want of room for them */
  Incoming slot[BATCH_SLOTS]; /* the messages */
  char memory[];              /* their payloads */
} Batch;

Batch *batch_new(int family);
int batch_slots(size_t room);
int batch_fill(Batch *batch, int fd, int most, size_t room);
int batch_has_more(const Batch *batch);
int batch_next(Batch *batch, Datagram *out);
void batch_back(Batch *batch, const Datagram *d);

/* --------------------------------------------------------------- fifo.c */

#define COST_QUEUED 64 /* bytes a datagram in a fifo costs beside its payload */
#define COST_HELD 512  /* the same while Lua holds it, for a bind or a lookup */
#define COST_PASSED (128 * 1024) /* bytes a descriptor costs that waits with it */

/* A socket's account of the datagrams it accepted, wherever they wait. */
typedef struct Ledger {
  size_t count;          /* datagrams accepted that have no completion */
  size_t bytes;          /* their payload */
  size_t passed;         /* descriptors they pass */
  size_t held;           /* of these: datagrams that Lua holds */
  size_t held_bytes;     /* their payload */
  size_t unreported;     /* completions that nobody was told */
  size_t untold_bytes;   /* payload that is kept until they are */
  uint64_t sent;         /* datagrams the kernel took */
  uint64_t sent_bytes;   /* their payload */
  uint64_t errors;       /* datagrams refused */
  uint64_t async_errors; /* errors of earlier datagrams: ICMP */
} Ledger;

/* A datagram in a fifo; its payload lies in the same block. */
typedef struct Item {
  uint32_t data;  /* where its payload begins; UINT32_MAX: it has none */
  uint32_t size;  /* bytes of payload */
  uint32_t route; /* where its route lies; UINT32_MAX: to the peer */
  int32_t ref;    /* the owner's note; below 0: only failures matter; 0: none */
  int32_t error;  /* its completion: 0 or a negative errno */
} Item;

/* Memory of a run of datagrams: payloads grow up, items grow down. */
typedef struct Block {
  struct Block *next; /* the block that follows in the fifo */
  uint32_t size;      /* bytes of memory */
  uint32_t used;      /* bytes of payload and routes */
  uint32_t route;     /* the last route written; UINT32_MAX: none */
  uint32_t count;     /* items written */
  uint32_t done;      /* items with a completion */
  uint32_t reported;  /* items whose completion was handed out */
  int watched;        /* somebody wants to hear a completion of its items */
  char *memory;       /* the bytes */
} Block;

/* Blocks kept for the next fifo that needs one. */
typedef struct Pool {
  Block *free; /* spare blocks */
  int count;   /* how many */
} Pool;

/* Whether 'drain' is to follow: once the fifo is empty, or in this turn. */
enum { DRAIN_NONE, DRAIN_WHEN_EMPTY, DRAIN_NOW };

/* Datagrams in order, from their acceptance until their completion is told. */
typedef struct Fifo {
  Pool *pool;          /* where blocks come from */
  Ledger *ledger;      /* the socket's account */
  Block *first, *last; /* oldest and newest block */
  Block *unsent;       /* no block before it has datagrams to send */
  size_t count;        /* datagrams without a completion */
  size_t bytes;        /* their payload */
  size_t passed;       /* descriptors they pass */
  size_t block_size;   /* bytes of the next block */
  int need_drain;      /* DRAIN_: a send returned false; 'drain' follows */
} Fifo;

/* What became of a datagram. */
typedef struct Completion {
  int ref;            /* the owner's note */
  int error;          /* 0 or a negative errno */
  size_t size;        /* bytes of payload */
  const Address *to;  /* NULL: it went to the peer */
} Completion;

void fifo_init(Fifo *fifo, Pool *pool, Ledger *ledger, size_t block_size);
void fifo_free(Fifo *fifo);
size_t fifo_memory(const Fifo *fifo);
char *fifo_push(Fifo *fifo, const Route *route, size_t size, int ref,
                int error);
Block *fifo_unsent(Fifo *fifo);
void fifo_sent(Fifo *fifo, unsigned items, size_t bytes);
void fifo_complete(Fifo *fifo, int error);
int fifo_complete_told(Fifo *fifo, int error);
int fifo_refuse(Fifo *fifo, const Route *route, int error);
int fifo_peek(Fifo *fifo, Completion *out);
void fifo_told(Fifo *fifo);
void fifo_tidy(Fifo *fifo);
void fifo_move(Fifo *from, Fifo *to, const Route *route, const Address *peer);
void fifo_fail_unrouted(Fifo *fifo, int error);
Item *block_item(const Block *block, uint32_t index);
const Route *block_route(const Block *block, const Item *item);
void pool_free(Pool *pool);

/* ------------------------------------------------------------- report.c */

#define REPORTS 32 /* reports that wait to be told */

/* Whose an error is that a call failed with, as far as reports tell: nobody's,
   that of an earlier datagram, or of the one that is refused; or there is no room
   to find out. */
enum { REPORT_NONE, REPORT_EARLIER, REPORT_OWN, REPORT_FULL };

/* The reports of a socket that nobody was told of yet: a ring. */
typedef struct Reports {
  Ledger *ledger;       /* the socket's account */
  int first, count;     /* the oldest, and how many there are */
  Report own;           /* the last of a datagram that was refused at once */
  Report slot[REPORTS]; /* the reports */
} Reports;

Reports *reports_new(Ledger *ledger);
int reports_fill(Reports *reports, int fd, int error);
void reports_keep_own(Reports *reports, const Address *to);
int reports_count(const Reports *reports);
int reports_take(Reports *reports, Report *out);

/* -------------------------------------------------------------- train.c */

/* One message for the kernel: a datagram, or a train of equal segments. */
typedef struct Outgoing {
  const Route *route; /* NULL: to the peer */
  struct iovec data;  /* the payload, contiguous */
  unsigned segment;   /* bytes a segment; 0: one datagram */
  unsigned items;     /* datagrams it stands for */
} Outgoing;

/* What was learnt about trains on a socket's paths. */
typedef struct Offload {
  unsigned segments; /* datagrams a train may hold; below 2: no trains */
  unsigned largest;  /* bytes of the largest segment that may ride */
  unsigned skip;     /* datagrams that go alone: their train was refused */
  int refusal;       /* why it was */
} Offload;

int train_collect(Fifo *fifo, const Offload *offload, Outgoing *out, int most);
int train_refused(Offload *offload, const Outgoing *out, int error);
void train_passed(Offload *offload, const Outgoing *out);

/* ----------------------------------------------------------- transmit.c */

/* What a fifo waits for before it makes sense to try again. */
enum { WAIT_NOTHING, WAIT_WRITABLE, WAIT_TIMER, WAIT_PEER };

/* The datagrams for one unix peer that does not read. */
typedef struct Lane {
  struct Lane *next; /* the lane of a peer that took nothing for longer */
  Fifo fifo;         /* what waits for the peer */
  int fd;            /* a descriptor connected to the peer; -1: none */
  int watched;       /* the queue's watcher tells when it is writable */
  int wait;          /* what it waits for */
  Route route;       /* to the peer */
} Lane;

/* What the queue of a unix socket knows besides. */
typedef struct Local {
  Address peer;   /* whom it is connected to; length 0: nobody */
  Address denied; /* whom alone send said no to; length 0: several */
} Local;

/* All that a socket has accepted to send, and how the kernel takes it. */
typedef struct Queue {
  Ledger ledger;     /* what waits, anywhere, and what became of the rest */
  Fifo fifo;         /* what is sent in order */
  Fifo completed;    /* refusals that are told without waiting their turn */
  Lane *lanes;       /* unix: peers that do not read, the last to read first */
  Offload offload;   /* what was learnt about trains */
  size_t high_water; /* bytes that wait for send to say no */
  size_t most;       /* bytes that wait, beyond which send is refused */
  int descriptors;   /* lanes that have one */
  int most_lanes;    /* peers that do not read, beyond which one is given up */
  Local *local;      /* unix: no errors from afar; EAGAIN may be a peer's; NULL:
                        it is none */
  int named;         /* unix: peers know it by its name */
  int wait;          /* what the fifo waits for */
  int woken;         /* the loop says that there is room to send */
  int lanes_wait;    /* what the lanes wait for */
  int watcher;       /* readable when the peer of a lane reads; -1: none */
  int was_full;      /* something was refused; 'drain' waits for room */
  int refused;       /* why sends without a callback were, this turn; 0: none */
  int one_message;   /* one message a call: look for its own error */
  int pending_error; /* what refused the next datagram once already */
  int async_error;   /* an error of an earlier datagram, or 0 */
  Reports *reports;  /* what the kernel tells of them; NULL: not asked to */
} Queue;

int transmit(Queue *queue, Fifo *fifo, int fd);

/* --------------------------------------------------------------- lane.c */

Lane *lane_of(const Queue *queue, const Route *route);
Lane *lane_open(Queue *queue, const Route *route, int fd);
Lane *lane_oldest(const Queue *queue, const Lane *except);
size_t lanes_memory(const Queue *queue, const Lane *except);
void lane_refuse(Queue *queue, Lane *lane);
void lanes_tidy(Queue *queue);
void lanes_flush(Queue *queue, int fd);
void lanes_resume(Queue *queue);
void lanes_free(Queue *queue);

/* -------------------------------------------------------------- queue.c */

void queue_init(Queue *queue, Pool *pool, Local *local);
void queue_free(Queue *queue);
int queue_accepts(Queue *queue, const Route *route, size_t bytes);
size_t queue_room(const Queue *queue);
char *queue_push(Queue *queue, const Route *route, size_t size, int ref,
                 int error);
int queue_refuse(Queue *queue, const Route *route, size_t size, int ref,
                 int error);
int queue_says_yes(Queue *queue, const Route *route, int may);
int queue_flush(Queue *queue, int fd);
void queue_connect(Queue *queue, const Address *peer);
void queue_forget_peer(Queue *queue);
int queue_disconnect(Queue *queue, int fd);
void queue_cancel(Queue *queue, int error);
Fifo *queue_peek(Queue *queue, Completion *out);
void queue_note_drained(Queue *queue);
int queue_drained(Queue *queue, Address *who);
int queue_is_due(const Queue *queue);

#pragma GCC visibility pop

#endif
