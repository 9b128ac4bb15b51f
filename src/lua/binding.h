/* SPDX-License-Identifier: MIT */
/*
 * The Lua module dgram.core: what a Lua state, a loop and a socket hold, and
 * the functions that cross its files, in the order of the layers: a file uses
 * those above it, and the engine.
 */
#ifndef DGRAM_BINDING_H
#define DGRAM_BINDING_H

#include "../engine/engine.h"

#include "compat.h"

#pragma GCC visibility push(hidden) /* one name is exported: luaopen_ */

#include <sys/types.h>

#define SOCKET_TYPE "dgram.core.socket"
#define LOOP_TYPE "dgram.core.loop"
#define BLOCKLIST_TYPE "dgram.core.blocklist"
#define GUARD_TYPE "dgram.core.guard"
#define WATCHER_TYPE "dgram.core.watcher"
#define DESCRIPTOR_TYPE "dgram.core.descriptor"
#define PASSED_TYPE "dgram.core.passed"

#define CORE_FIELD 1 /* where a facade's socket keeps the core's */

/* -------------------------------------------------------------- state.c */

#define BROADCASTS 16  /* broadcast addresses that are remembered */
#define CACHE_SIZE 256 /* senders whose text is remembered; a power of two */

/* A sender whose text is kept. */
typedef struct CacheKey {
  int family;              /* 0: the slot is empty */
  unsigned char bytes[16]; /* the address, IPv4 in its mapped form */
} CacheKey;

/* A destination that was read from text before. */
typedef struct Destination {
  int family, port; /* family 0: the slot is empty */
  char text[48];    /* what the script wrote */
  size_t size;      /* its bytes */
  Address address;  /* what it means */
} Destination;

/* What belongs to a Lua state and is shared by its sockets. */
typedef struct State {
  struct Socket *open;         /* the sockets that have a descriptor */
  int closing;                 /* its finalizer ran: nothing is made any more */
  Batch *spare[2];             /* batches nobody uses; for UDP, for unix */
  double collect_at;           /* when all may be collected again; system_now */
  Pool pool;                   /* spare blocks of send queues */
  CacheKey sender[CACHE_SIZE]; /* whose texts lie in the state's table */
  Destination destination[CACHE_SIZE]; /* texts of destinations */
  struct in_addr broadcast[BROADCASTS]; /* addresses of all on a link, as far as
                                           datagrams came to them */
  unsigned broadcasts;                  /* how many were noted; the last stay */
} State;

/* Keys of the state's own table; texts of addresses follow. */
enum {
  KEY_SERVE = 1, /* input_serve with what it needs */
  KEY_INFO,      /* the fields of system_info, in its order */
  KEY_SENDERS = KEY_INFO + INFO_KINDS
};

void state_make(lua_State *L);
State *state_of(lua_State *L);
State *state_open(lua_State *L);
void state_note_broadcast(State *state, const Address *local, int broadcast);
int state_is_broadcast(State *state, const Address *local);
void state_push_table(lua_State *L);
Batch *state_take_batch(State *state, int family);
void state_give_batch(State *state, Batch *batch);
void state_trim(State *state, int most);
int push_failure(lua_State *L, int error);
int push_result(lua_State *L, int status);

/* --------------------------------------------------------------- loop.c */

/* A loop's part in the core: the sockets that wait for its next turn. */
typedef struct Loop {
  State *state;       /* shared by all loops of the Lua state */
  pid_t process;      /* who made it: a forked child must leave it alone */
  unsigned head;      /* sockets that had their turn; it may wrap */
  unsigned tail;      /* those and the sockets in the list */
  unsigned steps;     /* sockets that left the list, to notice nested turns */
  int ended;          /* the Lua state is closing */
  int delivering;     /* receive batches on the stack */
  int more;           /* the listener that runs is to hear more of its batch */
  int turn_requested; /* the adapter was asked for a turn */
  int delivers;       /* the facade makes rinfo: HOOK_DELIVER */
} Loop;

/* Keys of a loop's own table: the facade's hooks, then the list. */
enum {
  HOOK_START = 1, /* start(): a turn is wanted before the loop blocks */
  HOOK_STOP,      /* stop(): no more */
  HOOK_UPDATE,    /* update(socket): what awaits() tells has changed */
  HOOK_RETRY,     /* retry(socket): call resume() after a while */
  HOOK_ERROR,     /* error(socket, errno, row): the network told of it */
  HOOK_REPORT,    /* report(socket, errno, address, port, details): of it, too */
  HOOK_FAILURE,   /* failure(socket, errno, address, port): a send's error */
  HOOK_FAILED,    /* failed(socket, err): a send without a callback did */
  HOOK_DRAIN,     /* drain(socket, path): what send said no to has gone */
  HOOK_CLOSED,    /* closed(socket): raises that the socket is not open */
  HOOK_TRACEBACK, /* traceback(err): message handler for listeners, or nil */
  HOOK_DELIVER,   /* deliver(socket, listener, ...): makes rinfo, or nil */
  HOOK_LIST
};

/* Where the n-th socket of the list lies in its table. */
#define LOOP_KEY(n) ((int)((n)&0x3fffffff) + 1)

int loop_new(lua_State *L);
int loop_is_foreign(const Loop *loop);
void loop_push_table(lua_State *L, int index);
void loop_push_hook(lua_State *L, int index, int hook);
void loop_request_turn(lua_State *L, Loop *loop, int index);
extern const luaL_Reg loop_methods[];

/* ------------------------------------------------------------- socket.c */

/* A place of the socket's own table where a callback lies. */
typedef struct Place {
  int users; /* sends that gave it and whose completion was not told */
  int next;  /* when there are none: the place to use after this one; 0: none */
} Place;

/* Where callbacks lie in the socket's own table. */
typedef struct Callbacks {
  Place *place;         /* from 1 on */
  int vacant;           /* a place that is free again; 0: none is */
  int count;            /* places that are in use or were */
  int room;             /* places that can be noted, with 0 */
  int last;             /* where the callback lies that came last; 0: it left */
  const void *function; /* which that is */
} Callbacks;

/* A datagram socket. */
typedef struct Socket {
  const struct Socket *self;    /* its own address: a cheap proof of its type */
  struct Socket *next, **link;  /* in the state's list while it is open */
  State *state;                 /* what the Lua state shares */
  Loop *loop;                   /* the loop that serves it */
  int fd;                       /* the descriptor; -1: not open */
  int family;                   /* AF_INET, AF_INET6 or AF_UNIX */
  unsigned char fast_send;      /* literal sends may skip the facade */
  unsigned char connected;      /* it has a peer */
  unsigned char reading;        /* datagrams are delivered */
  unsigned char listed;         /* it is in the loop's list */
  unsigned char sent_this_turn; /* it sent at once in this turn already */
  unsigned char detached;       /* /dev/null stands in for the socket */
  unsigned char gro;            /* the kernel may deliver trains */
  unsigned char telling;        /* completions are told after close */
  unsigned char making;         /* MAKING_ values of its next datagram */
  unsigned char alone;          /* messages in a row that came alone */
  unsigned info;                /* 1 << INFO_: what rinfo has besides the four */
  unsigned char fields;         /* how many these are */
  size_t control_room;          /* bytes of control messages it hears */
  unsigned heard_by;            /* the interface of the datagram being heard */
  char heard_name[IF_NAMESIZE]; /* its name; "": none, or nobody hears */
  int error_row;                /* errors since a datagram came */
  int ask;                      /* messages to ask the kernel for next */
  int busy_poll;                /* microseconds to look on after a wake-up */
  unsigned awaits;              /* AWAITS_: what the facade was told */
  size_t turn_bytes;            /* bytes sent in this turn of the loop */
  size_t credit;                /* bytes to queue without another look */
  Batch *batch;                 /* what was read and not delivered yet */
  Queue queue;                  /* what was accepted and not told of yet */
  Callbacks callbacks;          /* who is told of it */
  const BlockList *block;       /* senders not to be heard; NULL: none */
  BoundPath path;               /* unix: the file to remove */
  uint64_t received;            /* datagrams delivered */
  uint64_t received_bytes;      /* their payload */
  uint64_t blocked;             /* datagrams from blocked senders */
  uint64_t truncated;           /* datagrams larger than the room */
  uint64_t dropped;             /* datagrams the kernel dropped */
} Socket;

/* Who makes values of a datagram, if anybody; the facade says in the field
   `_making` of its socket whether it has come to an end. */
enum { MAKING_NOTHING, MAKING_HERE, MAKING_IN_FACADE };

enum { AWAITS_WRITABLE = 1, AWAITS_PEER = 2 };

/* Keys of a socket's own table; the callbacks follow the last. */
enum {
  SLOT_LISTENER = 1,
  SLOT_OWNER,
  SLOT_LOOP,
  SLOT_POLLER,
  SLOT_BLOCK,
  SLOT_CALLBACKS
};

Socket *socket_check(lua_State *L, int index);
int socket_is_open(const Socket *s);
Socket *socket_open(lua_State *L, int index);
int socket_port(lua_State *L, int index);
int socket_new(lua_State *L);
int socket_kind(lua_State *L);
void socket_drop_batch(Socket *s);
void socket_release(Socket *s);
int socket_is_due(const Socket *s);
void socket_ask_all(Socket *s);
void socket_list(lua_State *L, Socket *s, int index);
void socket_request_turn(lua_State *L, Socket *s, int index);
void socket_report_error(lua_State *L, Socket *s, int index, int error);
extern const luaL_Reg socket_methods[];

/* -------------------------------- option.c, blocker.c, guard.c, poller.c */

extern const luaL_Reg option_methods[];
int blocker_new(lua_State *L);
extern const luaL_Reg blocker_methods[];
int guard_new(lua_State *L);
extern const luaL_Reg guard_methods[];
extern const luaL_Reg watcher_methods[];
int poller_watcher(lua_State *L);
int poller_poll(lua_State *L);
int poller_now(lua_State *L);
int poller_resolve(lua_State *L);

/* --------------------------------------------------------- descriptor.c */

void descriptor_prepare(lua_State *L, int count);
void descriptor_fill(lua_State *L, Rights *rights);
extern const luaL_Reg descriptor_methods[];

/* -------------------------------------------------------------- input.c */

void input_make(lua_State *L);
void input_push_serve(lua_State *L);
int input_is_making(lua_State *L, const Socket *s, int index);
void input_read_errors(Socket *s);

/* ----------------------------------------------------------- callback.c */

int callback_keep(lua_State *L, Socket *s, int index, int callback);
void callback_drop(lua_State *L, Socket *s, int index, int place);
void callback_take(lua_State *L, Socket *s, int table, int place);
void callback_free(Socket *s);

/* ---------------------------------------------------------------- way.c */

/* Where a datagram goes, and how. */
typedef struct Way {
  Route route;     /* it points to via, or to none */
  Via via;         /* how it leaves */
  Passed **passed; /* who lets the descriptors go if an error is raised */
} Way;

int way_read(lua_State *L, const Socket *s, int index, Way *way);
void way_leave(Way *way);
extern const luaL_Reg passed_methods[];
int way_supports(lua_State *L);
int way_is_source(lua_State *L);

/* ------------------------------------------------------------- output.c */

int output_sender(lua_State *L);
int output_total(lua_State *L);
void output_new_turn(Socket *s);
void output_flush(lua_State *L, Socket *s, int index);
void output_resume(lua_State *L, Socket *s, int index, int wait);
extern const luaL_Reg output_methods[];

/* --------------------------------------------------------- completion.c */

void completion_report(lua_State *L, Socket *s, int index);
extern const luaL_Reg completion_methods[];

/* --------------------------------------------------------------- turn.c */

extern const luaL_Reg turn_methods[];        /* of a loop */
extern const luaL_Reg turn_socket_methods[]; /* of a socket */

#pragma GCC visibility pop

#endif
